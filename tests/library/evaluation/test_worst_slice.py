"""The part where a model surely fails is found as a rule, and where there is none, none is."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.evaluation.query import matching
from ml_lifecycle.evaluation.scored import ScoredRows
from ml_lifecycle.evaluation.worst_slice import worst_slice


def troubled(scored: Any, seed: int, share_wrong: float) -> ScoredRows:
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
def test_a_part_where_the_model_fails_is_found_as_a_rule_that_can_be_asked_for(scored: Any) -> None:
    rows = troubled(scored, 5, 0.5)
    found = worst_slice(rows)
    assert found is not None
    assert found.score.high < found.rest.low
    said = matching(rows.frame, found.rule, rows.task.contract)
    bad = ~(rows.frame["x"] > 0) & (rows.frame["% of kind"] == "50%")
    assert (said == bad).mean() > 0.85
    judged_on = np.random.default_rng(0).random(2000) >= 0.5
    assert (said & judged_on).sum() == found.rows


@pytest.mark.ml_test("model", 6)
def test_where_the_model_fails_nowhere_mostly_nothing_is_found(scored: Any) -> None:
    assert sum(worst_slice(troubled(scored, seed, 0)) is not None for seed in range(40)) <= 4
