"""Parts of the rows: scored where there are enough, named as not assessed where not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.evaluation.slices import SliceReport, slice_floors, slice_scores

RANDOM = np.random.default_rng(0)


@pytest.fixture
def large_and_small(scored: Any) -> SliceReport:
    """Slices of a group of 190 rows and of one of 10."""
    frame = pd.DataFrame({"s": ["a"] * 190 + ["b"] * 10})
    return slice_scores(scored(frame, RANDOM.random(200), RANDOM.integers(0, 2, 200)))


@pytest.mark.ml_test("model", 6)
def test_a_slice_of_few_rows_is_named_without_a_score(large_and_small: SliceReport) -> None:
    large, small = large_and_small.slices
    assert large.score
    assert large.score.low < large.score.value < large.score.high
    assert (small.value, small.rows, small.score) == ("b", 10, None)
    assert set(small.rates.values()) == {None}


@pytest.mark.ml_test("model", 7)
def test_a_gap_is_the_best_group_less_the_worst_in_score_and_rates(scored: Any) -> None:
    frame = pd.DataFrame({"s": ["a"] * 100 + ["b"] * 100})
    y_true = np.tile([1, 0], 100)
    y_pred = np.where(frame["s"] == "a", np.where(y_true == 1, 0.9, 0.1), 0.4)
    expected = {"neg_brier_score": 0.26 - 0.01, "selection_rate": 0.5, "true_positive_rate": 1.0}
    assert slice_scores(scored(frame, y_pred, y_true)).gaps["s"] == pytest.approx(expected)


@pytest.mark.ml_test("model", 7)
def test_a_gap_needs_two_groups_that_were_assessed(large_and_small: SliceReport) -> None:
    assert set(large_and_small.gaps["s"].values()) == {None}


@pytest.mark.ml_test("model", 7)
def test_of_too_few_positives_the_share_found_is_not_assessed(scored: Any) -> None:
    frame = pd.DataFrame({"s": ["a"] * 100 + ["b"] * 100})
    y_true = np.r_[np.tile([1, 0], 50), np.ones(19, int), np.zeros(81, int)]
    _, few = slice_scores(scored(frame, RANDOM.random(200), y_true)).slices
    assert few.rates["selection_rate"] is not None
    assert few.rates["true_positive_rate"] is None


@pytest.mark.ml_test("model", 6)
def test_a_slice_asked_for_misses_its_floor_or_meets_it_and_fails_when_it_is_unknown(
    scored: Any,
) -> None:
    frame = pd.DataFrame({"x": np.arange(300.0)})
    y_true = np.ones(300, int)
    y_pred = np.where(frame["x"] < 100, 0.5, 1.0)
    floors = {"x < 100": -0.2, "x >= 100": -0.2, "x > 280": -0.2}
    found = slice_floors(scored(frame, y_pred, y_true), floors)
    assert [part.passed for part in found] == [False, True, False]
    low, _, few = [part.message for part in found]
    assert "x < 100 the score is -0.250; its floor is -0.2" in low
    assert "19 test rows, too few" in few
