"""Everything that is known of one model on one test set, as numbers.

In: a fitted model and the test rows. Out: an `Evaluation`, JSON-ready; page and card use it.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .explain import importance
from .problem import Problem
from .scores import BY_TASK, METRICS, Interval, calibration, guess_of, interval
from .slices import gaps, slices
from .value import worth

Evaluation = dict[str, Any]


def evaluate(
    model: Pipeline, frame: pd.DataFrame, problem: Problem, threshold: float | None, usual: float
) -> Evaluation:
    """Measure `model` on typed test rows.

    threshold: chosen on other rows; usual: the median target of the training rows, which
    regression is compared with.
    """
    truth, guess = problem.truth(frame), guess_of(model, frame, problem.classes)
    groups, task = problem.groups(frame), problem.contract.task
    scores = {name: asdict(interval(METRICS[name], truth, guess, groups)) for name in BY_TASK[task]}
    found = slices(frame, problem, truth, guess)
    return {
        "task": task,
        "metric": problem.metric_name,
        "rows": len(frame),
        "groups": len(np.unique(groups)),
        "scores": scores,
        "slices": [asdict(part) for part in found],
        "gaps": gaps(found),
        "calibration": calibration(truth, guess),
        "threshold": threshold,
        "worth": worth(truth, guess, threshold, usual, problem.settings.value, groups),
        "importance": importance(model, frame, problem),
    }


def headline(evaluation: Evaluation) -> str:
    """Return the one sentence to remember."""
    score = Interval(**evaluation["scores"][evaluation["metric"]])
    return (
        f"{evaluation['metric']} {score} on {evaluation['rows']:,} test rows; "
        f"the baseline reaches {evaluation['baseline']:.3f}"
    )
