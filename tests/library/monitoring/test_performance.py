"""A model that became worse is found by outcomes; without them the loss is estimated honestly."""

from typing import Any

import numpy as np
import pytest
from ml_lifecycle.evaluation.scores import losses
from ml_lifecycle.monitoring import DriftSettings
from ml_lifecycle.monitoring.baseline import Baseline
from ml_lifecycle.monitoring.labels import label_bias
from ml_lifecycle.monitoring.performance import _rise, estimated_loss

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
