"""A model that became worse is found by outcomes; without them the loss is estimated honestly."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Contract
from ml_lifecycle.evaluation.scores import losses
from ml_lifecycle.monitoring import DriftSettings
from ml_lifecycle.monitoring.baseline import Baseline
from ml_lifecycle.monitoring.labels import label_bias
from ml_lifecycle.monitoring.looks import Looks
from ml_lifecycle.monitoring.performance import (
    LossComparison,
    _rise,
    estimated_loss,
    realized_loss,
)

DRIFT = DriftSettings()


def world(seed: int, rows: int, at: float = 0.0, tilt: float = 1.0) -> Any:
    """Return scores, predictions and outcomes; at: where the rows lie; tilt: of what is true."""
    random = np.random.default_rng(seed)
    x = random.normal(at, 1, rows)
    y_pred = 1 / (1 + np.exp(-1.5 * x))
    y_true = (random.random(rows) < 1 / (1 + np.exp(-1.5 * tilt * x))).astype("int64")
    return x[:, None], y_pred, y_true


def known(seed: int, rows: int = 4000) -> Baseline:
    codes, y_pred, y_true = world(seed, rows)
    loss = losses(y_true, y_pred)
    return Baseline({"x": len}, codes, y_true.astype("float64"), y_pred, loss)  # type: ignore[dict-item]


def test_under_a_shift_of_the_rows_the_interval_holds_the_true_loss() -> None:
    held = 0
    for seed in range(200):
        _, y_pred, _ = world(1000 + seed, 1000, at=0.7)
        many = world(5000 + seed, 200_000, at=0.7)
        found = estimated_loss(known(seed), y_pred, DRIFT)
        held += found.low <= losses(many[2], many[1]).mean() <= found.high
    assert held >= 180


def test_a_shift_to_rows_that_are_harder_raises_the_estimate_and_none_does_not() -> None:
    base = known(1)
    _, easy, _ = world(2, 2000)
    assert estimated_loss(base, easy, DRIFT).p_value > 0.01
    hard = easy[(easy > 0.3) & (easy < 0.7)]
    assert estimated_loss(base, hard, DRIFT).p_value < 1e-6


@pytest.mark.parametrize(("alike", "said"), [(True, False), (False, True)])
def test_outcomes_of_some_rows_only_are_named_as_a_bias(alike: bool, said: bool) -> None:
    codes, *_ = world(3, 2000)
    chance = np.full(2000, 0.4) if alike else np.where(codes[:, 0] > 0, 0.7, 0.1)
    labelled = np.random.default_rng(4).random(2000) < chance
    found = label_bias(known(1), codes, labelled)
    assert bool(found) == said
    assert ("'x'" in found) == said


def test_a_loss_that_was_nothing_is_told_without_dividing_by_it() -> None:
    before, now = np.zeros(500), np.full(500, 0.25)
    now[::2] = 0.0
    answer, said = _rise(now, before, 0.0)
    assert answer.p_value < 1e-6
    assert said == "the loss on 500 labelled rows rose from 0 to 0.125"


def compared(
    base: Baseline, codes: np.ndarray, y_pred: np.ndarray, y_true: np.ndarray, *classes: str
) -> LossComparison:
    """Compare rows that were served with the test rows; codes: (rows, 1)."""
    coder = {"x": lambda values: values.to_numpy()}
    known = Baseline(coder, base.codes, base.y_true, base.y_pred, base.loss)  # type: ignore[arg-type]
    matrix = y_pred if y_pred.ndim == 2 else np.column_stack([1 - y_pred, y_pred])
    said = [dict(zip(classes, row, strict=True)) for row in matrix.tolist()]
    served = pd.DataFrame({"probabilities": said, "prediction": "", "outcome": None})
    served["outcome"] = [classes[int(one)] for one in y_true]
    release: Any = SimpleNamespace(classes=classes, contract=Contract(table={}, columns=()))
    window = pd.DataFrame({"x": codes[:, 0]})
    return realized_loss(release, known, served, window, DRIFT, Looks().levels(0.05))


def test_as_before_nothing_is_worse_and_the_interval_holds_the_loss() -> None:
    held = false = 0
    for seed in range(60):
        base, (codes, y_pred, y_true) = known(seed), world(9000 + seed, 600)
        found = compared(base, codes, y_pred, y_true, "no", "yes")
        many = world(1, 200_000)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= losses(many[2], many[1]).mean() <= found.high
        false += found.worse
    assert false <= 2
    assert held >= 52


def test_errors_that_go_with_a_column_name_it_and_a_loss_that_rose_is_said_first() -> None:
    codes, y_pred, y_true = world(2, 3000, tilt=0.3)
    found = compared(known(1), codes, y_pred, y_true, "no", "yes")
    assert found.worse
    assert "rose by" in found.said
    assert found.answers["residuals"].p_value < 1e-6
    turned = np.random.default_rng(3).random(3000) < 0.2
    found = compared(known(1), codes, y_pred, np.where(turned, 1, y_true), "no", "yes")
    assert found.worse


def test_outcomes_above_all_predictions_are_said_to_be_higher() -> None:
    codes, y_pred, _ = world(4, 3000)
    y_true = (np.random.default_rng(5).random(3000) < np.minimum(y_pred + 0.1, 1)).astype("int64")
    found = compared(known(1), codes, y_pred, y_true, "no", "yes")
    assert found.answers["residuals"].p_value < 1e-6


def test_three_classes_that_are_told_better_than_before_are_no_harm() -> None:
    random, codes = np.random.default_rng(6), np.random.default_rng(7).normal(size=(4000, 1))
    y_true = random.integers(0, 3, 4000)
    unsure, sure = (np.eye(3)[y_true] * share + (1 - share) / 3 for share in (0.3, 0.8))
    loss = losses(y_true.astype("float64"), unsure)
    base = Baseline({"x": len}, codes, y_true.astype("float64"), unsure, loss)  # type: ignore[dict-item]
    found = compared(base, codes[:500], sure[:500], y_true[:500], "a", "b", "c")
    assert not found.worse
    assert found.now is not None
    assert found.now < found.before
