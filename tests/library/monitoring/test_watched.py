"""Besides its verdict a check tells the model's age, what it predicts, and what has not come."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.evaluation.staleness import AgePoint
from ml_lifecycle.monitoring import baseline
from ml_lifecycle.monitoring.baseline import Baseline, middle
from ml_lifecycle.monitoring.watched import Vital, pictured, vitals
from ml_lifecycle.monitoring.window import served_frame
from world import Champion

START = pd.Timestamp("2026-01-01", tz="UTC")
Window = Callable[..., pd.DataFrame]


def watched(champion: Champion, fresh: pd.DataFrame, known: Baseline) -> dict[str, Vital]:
    typed = served_frame(champion.release, fresh)
    return {one.name: one for one in vitals(champion.release, known, fresh, typed)}


def test_missing_and_new_values_are_shares_of_all_that_came(
    champion: Champion, window: Window
) -> None:
    known = baseline(champion.release)
    calm = watched(champion, window(), known)
    columns = len(champion.release.contract.features)
    name = champion.release.contract.with_role("feature")[0].name
    gone = watched(champion, window(change=lambda raw: {name: None}), known)
    risen = float(gone["missing values"].now[:-1]) - float(calm["missing values"].now[:-1])
    assert risen == pytest.approx(100 / columns, abs=0.5 + 100 / columns * 0.2)
    assert calm["values never seen"].now == "0.00%"


def test_outcomes_that_wait_longer_than_usual_are_told(champion: Champion, window: Window) -> None:
    known, rows = baseline(champion.release), window(400)
    rows["created_at"] = START + pd.to_timedelta(np.arange(400), unit="h")
    rows["outcome_at"] = rows["created_at"] + pd.Timedelta(days=2)
    late = rows.assign(
        outcome=rows["outcome"].where(rows.index % 2 == 0),
        outcome_at=rows["outcome_at"].where(rows.index % 2 == 0),
    )
    all_came = watched(champion, rows, known)["outcomes"]
    half = watched(champion, late, known)["outcomes"]
    assert (all_came.now, all_came.odd) == ("400 of 400 rows have one", False)
    assert half.odd
    assert "wait longer than usual" in half.now
    assert half.before == "they come after 2.0 days"


def test_a_model_is_as_old_as_its_rows_are_later_than_its_test_rows(
    champion: Champion, window: Window
) -> None:
    curve = [AgePoint(age, "days", s, s - 0.01, s + 0.01) for age, s in [(0, 0.8), (100, 0.7)]]
    evaluation = replace(champion.release.evaluation, staleness=curve)
    contract = champion.release.contract
    time = Column(name="when", kind="date", role="time")
    contract = contract.model_copy(update={"columns": (*contract.columns, time)})
    aged = champion.__class__(
        **vars(champion)
        | {"release": replace(champion.release, evaluation=evaluation, contract=contract)}
    )
    rows = window(300)
    rows["inputs"] = [row | {"when": "2026-03-01"} for row in rows["inputs"]]
    march = pd.Timestamp("2026-03-01").timestamp() / 86_400
    for days, odd in ((10, True), (200, True), (0, False)):
        known = replace(baseline(champion.release), middle=march - days)
        found = watched(aged, rows, known)["age of the model"]
        assert f"{days} days later" in found.now
        assert found.odd is odd
    told = watched(aged, rows, replace(known, middle=march - 50))["age of the model"]
    assert "0.750" in told.before


def test_the_middle_of_dates_is_in_days_and_of_numbers_in_their_unit() -> None:
    days = pd.DataFrame({"t": pd.to_datetime(["1970-01-02", "1970-01-04", None])})
    contract = Contract(table={}, columns=(Column(name="t", kind="date", role="time"),))
    assert middle(days, contract) == 2
    assert middle(pd.DataFrame({"t": [2001, 2003]}), contract) == 2002
    assert np.isnan(middle(pd.DataFrame({"x": [1]}), contract))


def test_the_picture_of_predictions_holds_every_row_of_both(champion: Champion) -> None:
    known, random = baseline(champion.release), np.random.default_rng(1)
    shown = pictured(champion.release.classes, known, random.random(500))
    assert len(shown.cells) == len(shown.before) == len(shown.after)
    assert sum(shown.before) == pytest.approx(1)
    assert sum(shown.after) == pytest.approx(1)
    many = replace(known, y_pred=random.dirichlet([1, 1, 1], 300))
    assert pictured(("a", "b", "c"), many, random.dirichlet([9, 1, 1], 300)).after[0] > 0.9
