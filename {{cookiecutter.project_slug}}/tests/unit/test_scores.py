"""Scores, their intervals, the threshold and the slices, against answers known beforehand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from project.data.contract import Column, Contract
from project.evaluation.problem import Problem
from project.evaluation.scores import METRICS, Interval, interval, losses, resample, safe
from project.evaluation.slices import Slice, gaps, slices
from project.evaluation.value import best_threshold, of_actions
from project.settings import Data, Settings, Training, Value

RANDOM = np.random.default_rng(0)


def test_losses_are_briers_and_squared() -> None:
    assert losses(np.array([1, 0]), np.array([0.8, 0.8])) == pytest.approx([0.04, 0.64])
    three = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    assert losses(np.array([0, 0]), three) == pytest.approx([0.0, 1.5])


def test_a_score_of_one_class_is_undefined_and_not_an_error() -> None:
    for name in ("roc_auc", "average_precision"):
        safe(METRICS[name], np.zeros(5), np.linspace(0, 1, 5))
    assert np.isnan(safe(METRICS["roc_auc"], np.zeros(5), np.linspace(0, 1, 5)))


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(size=150)
        found = interval(lambda _, g: float(g.mean()), values, values, np.arange(150), seed)
        hits += found.low < 0 < found.high
    assert 50 <= hits <= 60


def test_groups_are_drawn_whole_and_widen_the_interval() -> None:
    groups = np.repeat(np.arange(30), 20)
    values = RANDOM.normal(size=30)[groups]
    drawn = resample(lambda at: float(np.ptp(np.bincount(groups[at]) % 20)), groups, 0, 20)
    assert not drawn.any()
    together = resample(lambda at: float(values[at].mean()), groups, 0).std()
    alone = resample(lambda at: float(values[at].mean()), np.arange(600), 0).std()
    assert together > 3 * alone


@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_the_threshold_earns_the_most_that_any_earns(decimals: int) -> None:
    value = Value(true_positive=3.0, false_positive=-2.0)
    for seed in range(20):
        random = np.random.default_rng(seed)
        guess = random.random(40).round(decimals) * 0.9
        truth = (random.random(40) < guess * 0.8).astype(int)
        found = of_actions(truth, guess >= best_threshold(truth, guess, value), value).sum()
        every = [of_actions(truth, guess >= t, value).sum() for t in (*np.unique(guess), 1.0)]
        assert found == pytest.approx(max(every))


def test_when_acting_never_pays_nobody_is_acted_on() -> None:
    truth, guess = np.array([1, 0, 0, 0, 0, 0]), np.full(6, 1 / 6)
    assert (guess < best_threshold(truth, guess, Value(false_positive=-1.0))).all()


def sliced(rows: int, small: int) -> list[Slice]:
    frame = pd.DataFrame({"s": ["a"] * (rows - small) + ["b"] * small})
    target = Column(name="y", kind="category", role="target", categories=("n", "y"))
    column = Column(name="s", kind="category", role="sensitive", categories=("a", "b"))
    contract = Contract(table={}, columns=(column, target))
    truth, guess = RANDOM.integers(0, 2, rows), RANDOM.random(rows)
    settings = Settings(
        root=Path(), data=Data(source="t.csv", target="y"), training=Training(metric="accuracy")
    )
    return slices(frame, Problem(contract, settings), truth, guess)


@pytest.mark.ml_test("model", 6)
def test_a_slice_of_few_rows_is_named_without_a_score() -> None:
    large, small = sliced(200, 10)
    assert large.score is not None
    assert large.score.low < large.score.value < large.score.high
    assert (small.value, small.rows, small.score) == ("b", 10, None)


@pytest.mark.ml_test("model", 7)
def test_a_gap_needs_two_groups_that_were_assessed() -> None:
    one, two = Interval(0.9, 0.8, 1.0), Interval(0.7, 0.6, 0.8)
    parts = [Slice("s", "a", 90, True, one), Slice("s", "b", 90, True, two)]
    assert gaps(parts) == pytest.approx({"s": 0.2})
    assert not gaps(sliced(200, 10))
