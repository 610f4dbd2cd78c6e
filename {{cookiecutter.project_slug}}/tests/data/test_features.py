"""The one way from typed rows to the matrix: whole, of each row alone, and ready for surprises."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from project.features import DateParts, category_names, features

from ml_lifecycle.data.contract import Column, Contract

pytestmark = pytest.mark.ml_test("data", 7)
STYLES = pytest.mark.parametrize("style", ["linear", "quantile", "trees"])


def dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype="float64")


@STYLES
def test_a_row_alone_is_as_in_company_and_order_does_not_matter(
    own: tuple[pd.DataFrame, Contract], style: Any
) -> None:
    frame, contract = own
    way = features(contract, style).fit(frame, frame[contract.target.name])
    whole = dense(way.transform(frame))
    assert len(whole) == len(frame)
    mixed = np.random.default_rng(0).permutation(len(frame))
    np.testing.assert_array_equal(dense(way.transform(frame.iloc[mixed])), whole[mixed])
    for place in mixed[:5]:
        alone = dense(way.transform(frame.iloc[[place]]))
        np.testing.assert_allclose(alone[0], whole[place], rtol=1e-12)


@STYLES
def test_what_is_missing_or_unseen_has_a_place(champion: Any, style: Any) -> None:
    frame, contract = champion.rows
    way = features(contract, style).fit(frame)
    odd = frame.head(3).copy()
    odd["plan"] = [np.nan, "never seen", "basic"]
    odd["usage"], odd["since"] = np.nan, pd.NaT
    matrix = dense(way.transform(odd))
    assert matrix.shape[1] == dense(way.transform(frame)).shape[1]
    assert style == "trees" or np.isfinite(matrix).all()
    assert not np.array_equal(matrix[0], matrix[2], equal_nan=True)


def test_linear_features_say_what_was_missing(champion: Any) -> None:
    frame, contract = champion.rows
    way = features(contract, "linear").fit(frame)
    pair = pd.concat([frame.head(1)] * 2, ignore_index=True)
    pair["usage"] = [frame["usage"].median(), np.nan]
    with_value, without = dense(way.transform(pair))
    assert (with_value != without).sum() == 1


def test_dates_become_days_month_weekday_and_hour() -> None:
    dates = pd.to_datetime(["1970-01-02 12:00", "2024-02-29 00:00", None]).astype("datetime64[s]")
    parts = DateParts().fit_transform(pd.DataFrame({"at": dates}))
    np.testing.assert_array_equal(parts[0], [1.5, 1, 4, 12])
    np.testing.assert_array_equal(parts[1], [19782, 2, 3, 0])
    assert np.isnan(parts[2]).all()


def test_on_the_circle_december_is_next_to_january() -> None:
    dates = pd.to_datetime(["2023-12-31", "2024-01-01", "2024-07-01"]).astype("datetime64[s]")
    _, *circle = DateParts(circle=True).fit_transform(pd.DataFrame({"at": dates})).T
    december, january, july = np.transpose(circle)[:, :2]
    assert np.abs(december - january).max() < np.abs(january - july).max()
    assert np.linalg.norm(np.transpose(circle)[:, :2], axis=1) == pytest.approx(1)


@STYLES
@pytest.mark.parametrize("target", ["continuous", "binary"])
def test_many_categories_and_texts_carry_their_signal_and_need_no_word(
    style: Any, target: str
) -> None:
    random = np.random.default_rng(0)
    city = random.integers(0, 300, 3000)
    strong = random.normal(size=300)[city]
    frame = pd.DataFrame(
        {
            "city": [f"city {number}" for number in city],
            "note": np.where(strong > 0, "sunny and warm", "rain"),
            "target": strong if target == "continuous" else np.where(strong > 0, "yes", "no"),
        }
    ).astype({"city": object, "note": object})
    kind = {"kind": "number"} if target == "continuous" else {"kind": "boolean"}
    classes = {} if target == "continuous" else {"categories": ("no", "yes")}
    contract = Contract(
        table={},
        columns=(
            Column(name="city", kind="category", nullable=True),
            Column(name="note", kind="text", nullable=True),
            Column(name="target", role="target", **kind, **classes),
        ),
    )
    way = features(contract, style).fit(frame, frame["target"])
    matrix = dense(way.transform(frame))
    assert abs(np.corrcoef(matrix[:, 0], strong)[0, 1]) > 0.7
    assert matrix.shape[1] == 1 + len({"sunny", "and", "warm", "rain"})
    odd = pd.DataFrame({"city": ["never seen", np.nan], "note": ["", "unknown"]}, dtype=object)
    assert np.isfinite(dense(way.transform(odd))).all()
    silent = frame.assign(note="")
    features(contract, style).fit(silent, silent["target"])


@STYLES
@pytest.mark.parametrize("there", [["a", "b"], ["a", "b", "c"], list("abcdefghijklmnopqrst")])
def test_many_categories_do_not_need_rows_of_every_class(style: Any, there: list[str]) -> None:
    frame = pd.DataFrame({"city": [f"city {number // 2}" for number in range(40)]}, dtype=object)
    classes = tuple("abcdefghijklmnopqrst")
    target = Column(name="target", kind="category", role="target", categories=classes)
    contract = Contract(table={}, columns=(Column(name="city", kind="category"), target))
    answer = np.resize(there, len(frame))
    assert np.isfinite(dense(features(contract, style).fit_transform(frame, answer))).all()


def test_categories_come_first_for_trees(champion: Any) -> None:
    frame, contract = champion.rows
    matrix = features(contract, "trees").fit_transform(frame)
    places = range(len(category_names(contract)))
    assert len(places) == 2
    assert (np.nan_to_num(matrix[:, places]) % 1 == 0).all()
    assert np.nanmax(matrix[:, places]) < 255
