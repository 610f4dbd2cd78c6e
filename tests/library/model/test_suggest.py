"""What is tried next: what promises most a second, and what the budget still holds."""

import numpy as np
from ml_lifecycle.model import Candidate, Dimension, SearchSettings
from ml_lifecycle.model.suggest import Trial, suggest
from sklearn.pipeline import Pipeline


def next_try(seconds: tuple[float, ...], budget: float) -> float:
    """Return where a rung of one knob, as good at both ends, is tried next; NaN: nowhere."""
    starts = tuple({"work": work} for work in (1.0, 10.0, 100.0))
    rung = Candidate("rung", Pipeline, {"work": Dimension(1.0, 100.0)}, starts)
    candidates = {"baseline": Candidate("baseline", Pipeline, {}, ({},)), "rung": rung}
    trials = [Trial("baseline", {}, scores=np.array([0.5]))]
    for params, score, cost in zip(starts, (0.7, 0.8, 0.7), seconds, strict=True):
        trials.append(Trial("rung", params, scores=np.array([score]), seconds=cost))
    suggestion, _ = suggest(candidates, trials, SearchSettings(budget_seconds=budget))
    return float(suggestion.params["work"]) if suggestion else np.nan


def test_of_settings_that_promise_the_same_the_quicker_is_tried() -> None:
    assert next_try((1.0, 10.0, 100.0), 1000.0) < 10
    assert next_try((100.0, 10.0, 1.0), 1000.0) > 10


def test_a_setting_that_would_outlast_the_budget_is_not_tried() -> None:
    everywhere, spent = (10.0, 10.0, 10.0), 30.0
    assert next_try(everywhere, spent + 11) > 0
    assert np.isnan(next_try(everywhere, spent + 9))
    # The mean of what was tried is 37 s.
    assert next_try((1.0, 10.0, 100.0), 111.0 + 8) < 10
