"""The threshold that earns the most, and what the model earns beside doing without it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.evaluation.scores import Interval
from ml_lifecycle.evaluation.settings import ValueSettings
from ml_lifecycle.evaluation.value import best_threshold, of_actions, policy_values

RANDOM = np.random.default_rng(0)


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


def test_the_model_is_set_against_every_way_to_do_without_it_on_the_same_rows(scored: Any) -> None:
    y_true = RANDOM.integers(0, 2, 400)
    right, value = y_true * 0.8 + 0.1, ValueSettings(true_positive=10.0, false_positive=-5.0)
    rows = scored(pd.DataFrame(index=range(400)), right, y_true)
    found = {row.policy: row for row in policy_values(rows, value, (1 - right, 0.5), 0.0)}
    share = y_true.mean()
    assert found["the model"].money.value == pytest.approx(10 * share)
    assert found["treat none"].money == Interval(0, 0, 0)
    assert found["treat all"].money.value == pytest.approx(10 * share - 5 * (1 - share))
    lead = found["the champion"].lead
    assert lead.value == pytest.approx(10 * share + 5 * (1 - share))
    assert 0 < lead.low < lead.value < lead.high
    three = np.eye(3)[np.array([0, 0, 0, 1, 2] * 20)]
    rows = replace(
        rows,
        y_true=three.argmax(axis=1),
        y_pred=three,
        threshold=None,
        weights=rows.weights[:, :100],
    )
    table = policy_values(rows, value, None, 0.0)
    assert table[1].policy == "always the commonest"
    assert table[1].lead.value == pytest.approx(0.4 * 15)
