"""Scores, their intervals, the threshold and the slices, against answers known beforehand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.evaluation.query import matching
from ml_lifecycle.evaluation.scores import (
    METRICS,
    WEIGHTED,
    bootstrap_scores,
    bootstrap_weights,
    calibration,
    interval,
    losses,
    mean,
)
from ml_lifecycle.evaluation.slices import ScoredRows, gaps, slice_floors, slices
from ml_lifecycle.evaluation.task import Task
from ml_lifecycle.evaluation.value import best_threshold, of_actions, policy_values
from ml_lifecycle.evaluation.worst_slice import worst_slice
from project.settings import Settings
from sklearn import metrics

RANDOM = np.random.default_rng(0)


def test_losses_are_briers_and_squared() -> None:
    assert losses(np.array([1, 0]), np.array([0.8, 0.8])) == pytest.approx([0.04, 0.64])
    three = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    assert losses(np.array([0, 0]), three) == pytest.approx([0.0, 1.5])


def test_a_score_of_one_class_is_undefined_and_not_an_error() -> None:
    for name in ("roc_auc", "average_precision"):
        assert np.isnan(METRICS[name](np.zeros(5), np.linspace(0, 1, 5)))


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(size=150)
        found = interval(
            mean(lambda _, g: g), values, values, bootstrap_weights(np.arange(150), seed)
        )
        hits += found["low"] < 0 < found["high"]
    assert 50 <= hits <= 60


def test_groups_are_drawn_whole_and_widen_the_interval() -> None:
    groups = np.repeat(np.arange(30), 20)
    values = RANDOM.normal(size=30)[groups]
    together, alone = bootstrap_weights(groups), bootstrap_weights(np.arange(600))
    assert not np.ptp(together.reshape(-1, 30, 20), axis=2).any()
    found = [
        bootstrap_scores(mean(lambda _, g: g), values, values, drawn) for drawn in (together, alone)
    ]
    assert found[0].std() > 3 * found[1].std()


@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_the_threshold_earns_the_most_that_any_earns(decimals: int) -> None:
    value = ValueSettings(true_positive=3.0, false_positive=-2.0)
    for seed in range(20):
        random = np.random.default_rng(seed)
        y_pred = random.random(40).round(decimals) * 0.9
        y_true = (random.random(40) < y_pred * 0.8).astype(int)
        found = of_actions(y_true, y_pred >= best_threshold(y_true, y_pred, value), value).sum()
        every = [of_actions(y_true, y_pred >= t, value).sum() for t in (*np.unique(y_pred), 1.0)]
        assert found == pytest.approx(max(every))


def test_when_acting_never_pays_nobody_is_acted_on() -> None:
    y_true, y_pred = np.array([1, 0, 0, 0, 0, 0]), np.full(6, 1 / 6)
    assert (y_pred < best_threshold(y_true, y_pred, ValueSettings(false_positive=-1.0))).all()


@pytest.mark.parametrize("decimals", [8, 1])
def test_scores_are_those_of_scikit_learn_with_any_weights(decimals: int) -> None:
    random = np.random.default_rng(3)
    y_pred, weights = random.random(200).round(decimals), random.integers(0, 3, (4, 200))
    y_true = (random.random(200) < y_pred).astype(int)
    theirs = {
        "roc_auc": metrics.roc_auc_score,
        "average_precision": metrics.average_precision_score,
        "neg_log_loss": lambda t, g, sample_weight: (
            -metrics.log_loss(t, g, sample_weight=sample_weight)
        ),
        "accuracy": lambda t, g, sample_weight: metrics.accuracy_score(
            t, g >= 0.5, sample_weight=sample_weight
        ),
        "r2": metrics.r2_score,
        "neg_root_mean_squared_error": lambda t, g, sample_weight: (
            -metrics.root_mean_squared_error(t, g, sample_weight=sample_weight)
        ),
    }
    for name, score in theirs.items():
        expected = [score(y_true, y_pred, sample_weight=row) for row in weights]
        assert WEIGHTED[name](y_true, y_pred, weights) == pytest.approx(expected), name


def test_a_resample_by_weights_is_a_resample_of_rows() -> None:
    y_true, y_pred = RANDOM.integers(0, 2, 90), RANDOM.random(90).round(1)
    groups = np.arange(90) // 3
    drawn = bootstrap_weights(groups, 4)
    rows = [np.repeat(np.arange(90), counts) for counts in drawn]
    by_rows = [METRICS["roc_auc"](y_true[at], y_pred[at]) for at in rows]
    by_weights = bootstrap_scores(WEIGHTED["roc_auc"], y_true, y_pred, drawn)
    assert by_weights[1:] == pytest.approx(by_rows)


def test_the_model_is_set_against_every_way_to_do_without_it_on_the_same_rows() -> None:
    y_true = RANDOM.integers(0, 2, 400)
    right, value = y_true * 0.8 + 0.1, ValueSettings(true_positive=10.0, false_positive=-5.0)
    rows = scored(pd.DataFrame(index=range(400)), right, y_true, value=value)
    found = {row["policy"]: row for row in policy_values(rows, (1 - right, 0.5), 0.0)}
    share = y_true.mean()
    assert found["the model"]["money"]["value"] == pytest.approx(10 * share)
    assert found["treat none"]["money"] == {"value": 0, "low": 0, "high": 0}
    assert found["treat all"]["money"]["value"] == pytest.approx(10 * share - 5 * (1 - share))
    lead = found["the champion"]["lead"]
    assert lead["value"] == pytest.approx(10 * share + 5 * (1 - share))
    assert 0 < lead["low"] < lead["value"] < lead["high"]
    three = np.eye(3)[np.array([0, 0, 0, 1, 2] * 20)]
    rows = replace(
        rows,
        y_true=three.argmax(axis=1),
        y_pred=three,
        threshold=None,
        weights=rows.weights[:, :100],
    )
    table = policy_values(rows, None, 0.0)
    assert table[1]["policy"] == "always the commonest"
    assert table[1]["lead"]["value"] == pytest.approx(0.4 * 15)


def test_the_calibration_error_is_how_far_what_was_said_is_from_what_happened() -> None:
    y_pred = np.repeat([0.05, 0.6], 500)
    y_true = np.tile([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 100)
    found = calibration(y_true, y_pred)
    assert found["error"] == pytest.approx(0.5 * 0.05 + 0.5 * 0.5)
    assert [point["rows"] for point in found["points"]] == [500, 500]


def scored(
    frame: pd.DataFrame, y_pred: np.ndarray, y_true: np.ndarray, **options: Any
) -> ScoredRows:
    """Rows of sensitive `s` (category) and features `x` (number) and `% of kind`, if there."""
    target = Column(name="y", kind="category", role="target", categories=("n", "y"))
    columns = [Column(name="s", kind="category", role="sensitive")] if "s" in frame else []
    columns += [Column(name=n, kind="number") for n in frame.columns if n == "x"]
    columns += [Column(name=n, kind="category") for n in frame.columns if n == "% of kind"]
    settings = Settings(
        root=Path(),
        data=DataSettings(source="t.csv", target="y"),
        training=SearchSettings(metric="neg_brier_score"),
        **options,
    )
    task = Task(Contract(table={}, columns=(*columns, target)), settings)
    return ScoredRows(frame, task, y_true, y_pred, 0.5, bootstrap_weights(np.arange(len(frame))))


def two_groups(rows: int, small: int) -> ScoredRows:
    frame = pd.DataFrame({"s": ["a"] * (rows - small) + ["b"] * small})
    return scored(frame, RANDOM.random(rows), RANDOM.integers(0, 2, rows))


@pytest.mark.ml_test("model", 6)
def test_a_slice_of_few_rows_is_named_without_a_score() -> None:
    large, small = slices(two_groups(200, 10))
    assert large["score"]["low"] < large["score"]["value"] < large["score"]["high"]
    assert (small["value"], small["rows"], small["score"]) == ("b", 10, None)
    assert set(small["rates"].values()) == {None}


@pytest.mark.ml_test("model", 7)
def test_a_gap_is_the_best_group_less_the_worst_in_score_and_rates() -> None:
    frame = pd.DataFrame({"s": ["a"] * 100 + ["b"] * 100})
    y_true = np.tile([1, 0], 100)
    y_pred = np.where(frame["s"] == "a", np.where(y_true == 1, 0.9, 0.1), 0.4)
    parts = slices(scored(frame, y_pred, y_true))
    expected = {"neg_brier_score": 0.26 - 0.01, "selection_rate": 0.5, "true_positive_rate": 1.0}
    assert gaps(parts, "neg_brier_score")["s"] == pytest.approx(expected)


@pytest.mark.ml_test("model", 7)
def test_a_gap_needs_two_groups_that_were_assessed() -> None:
    found = gaps(slices(two_groups(200, 10)), "neg_brier_score")
    assert set(found["s"].values()) == {None}


@pytest.mark.ml_test("model", 7)
def test_of_too_few_positives_the_share_found_is_not_assessed() -> None:
    frame = pd.DataFrame({"s": ["a"] * 100 + ["b"] * 100})
    y_true = np.r_[np.tile([1, 0], 50), np.ones(19, int), np.zeros(81, int)]
    _, few = slices(scored(frame, RANDOM.random(200), y_true))
    assert few["rates"]["selection_rate"] is not None
    assert few["rates"]["true_positive_rate"] is None


@pytest.mark.ml_test("model", 6)
def test_a_slice_asked_for_misses_its_floor_or_meets_it_and_fails_when_it_is_unknown() -> None:
    frame = pd.DataFrame({"x": np.arange(300.0)})
    y_true = np.ones(300, int)
    y_pred = np.where(frame["x"] < 100, 0.5, 1.0)
    floors = {"x < 100": -0.2, "x >= 100": -0.2, "x > 280": -0.2}
    found = slice_floors(scored(frame, y_pred, y_true, slices=floors))
    assert [part["passed"] for part in found] == [False, True, False]
    low, _, few = [part["message"] for part in found]
    assert "x < 100 the score is -0.250; its floor is -0.2" in low
    assert "19 test rows, too few" in few


@pytest.mark.parametrize(
    "query", ["plna == 'pro'", "x >", "x + 1", "__import__('os')", "@frame.x > 1"]
)
def test_a_slice_that_is_no_condition_is_named_with_the_columns(query: str) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "plan": ["pro", None]})
    contract = Contract(table={})
    assert list(matching(frame, "plan == 'pro' and x < 2", contract)) == [True, False]
    with pytest.raises(WrongUse) as error:
        matching(frame, query, contract)
    assert query in str(error.value)
    assert "x, plan" in str(error.value)


ZONES = Column(name="in[dex]", kind="category", categories=("1", "2", "3"))
MEMBERS = Column(name="class", kind="boolean", categories=("No", "Yes"))


@pytest.mark.parametrize(
    "query",
    [
        "`in[dex]` == 3",
        "`in[dex]` == 3.0",
        "`in[dex]` == '3'",
        "'3.0' == `in[dex]`",
        "`in[dex]` in [3, 7]",
        "`class` == 'Yes' & self > 1",
        "`class` == true and not self < '2'",
        "(`class` == 1) & ~(`in[dex]` == 1)",
    ],
)
def test_a_slice_means_the_same_however_its_values_are_written(query: str) -> None:
    frame = pd.DataFrame(
        {"in[dex]": ["1", "2", "3"], "class": ["Yes", "No", "Yes"], "self": [1.0, 2.0, 3.0]}
    )
    contract = Contract(table={}, columns=(ZONES, MEMBERS, Column(name="self", kind="number")))
    assert list(matching(frame, query, contract)) == [False, False, True]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("born < '05.12.1985'", 2),
        ("born < '1985-12-05'", 2),
        ("born >= '1985-12-05T02:00:00+02:00'", 1),
    ],
)
def test_a_date_in_a_slice_is_read_as_its_column_is(query: str, rows: int) -> None:
    born = pd.to_datetime(["1985-05-12", "1985-12-04", "1985-12-05"])
    column = Column(name="born", kind="date", format="%d.%m.%Y")
    contract = Contract(table={}, columns=(column,))
    assert matching(pd.DataFrame({"born": born}), query, contract).sum() == rows
    with pytest.raises(WrongUse, match=r"'12/05/85' is no date, in ISO 8601 or as in"):
        matching(pd.DataFrame({"born": born}), "born < '12/05/85'", contract)


def troubled(seed: int, share_wrong: float) -> ScoredRows:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": np.where(random.random(2000) < 0.1, np.nan, random.normal(size=2000)),
            "% of kind": random.choice(["it's", "50%", 'a "b"'], 2000),
        }
    )
    y_pred = random.choice([0.1, 0.9], 2000)
    bad = ~(frame["x"] > 0) & (frame["% of kind"] == "50%")
    y_true = (random.random(2000) < np.where(bad & (share_wrong > 0), 0.5, y_pred)).astype(int)
    return scored(frame, y_pred, y_true)


@pytest.mark.ml_test("model", 6)
def test_a_part_where_the_model_fails_is_found_as_a_rule_that_can_be_asked_for() -> None:
    rows = troubled(5, 0.5)
    found = worst_slice(rows)
    assert found is not None
    assert found["score"]["high"] < found["rest"]["low"]
    said = matching(rows.frame, found["rule"], rows.task.contract)
    bad = ~(rows.frame["x"] > 0) & (rows.frame["% of kind"] == "50%")
    assert (said == bad).mean() > 0.85
    judged_on = np.random.default_rng(0).random(2000) >= 0.5
    assert (said & judged_on).sum() == found["rows"]


@pytest.mark.ml_test("model", 6)
def test_where_the_model_fails_nowhere_mostly_nothing_is_found() -> None:
    assert sum(worst_slice(troubled(seed, 0)) is not None for seed in range(40)) <= 4
