"""Everything that is known of one model on one test set, as numbers.

In: a fitted model and the test rows. Out: an `Evaluation`, JSON-ready; page and card use it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..words import called
from .explain import Reference, examples, permutation_importances, typical_row, visible
from .scores import BY_TASK, WEIGHTED, bootstrap_weights, calibration, interval, predict_scores
from .slices import ScoredRows, gaps, slice_floors, slices, unassessed
from .task import Task
from .value import Policy, losing, policy_values
from .worst_slice import worst_slice

Evaluation = dict[str, Any]


def evaluate(
    model: Pipeline,
    frame: pd.DataFrame,
    task: Task,
    threshold: float | None,
    constant: float,
    plain: np.ndarray | None = None,
    champion: Policy | None = None,
    cost: Mapping[str, float] | None = None,
    reference: Reference | None = None,
) -> Evaluation:
    """Measure `model` on typed test rows.

    threshold: chosen on other rows; usual: the constant that earns the most on the training rows,
    which regression is compared with; plain: the guess before calibration, of the guess's shape;
    champion: its guess on the same rows and its threshold; cost: milliseconds a row, by feature;
    reference: what examples are compared with, by default the typical row of these.
    """
    y_true, y_pred = task.y_true(frame), predict_scores(model, frame, task.classes)
    groups, kind = task.groups(frame), task.contract.task
    weights = bootstrap_weights(groups)
    scored = ScoredRows(frame, task, y_true, y_pred, threshold, weights)
    parts, floors = slices(scored), slice_floors(scored)
    scores = {name: interval(WEIGHTED[name], y_true, y_pred, weights) for name in BY_TASK[kind]}
    money = policy_values(scored, champion, constant)
    return {
        "task": kind,
        "metric": task.metric_name,
        "rows": len(frame),
        "groups": len(np.unique(groups)),
        "scores": scores,
        "slices": parts,
        "gaps": gaps(parts, task.metric_name),
        "slice_floors": floors,
        "failed_floors": [floor["message"] for floor in floors if not floor["passed"]],
        "unassessed": unassessed(scored, parts, scores),
        "worst_slice": worst_slice(scored),
        "calibration": {
            name: calibration(y_true, said)
            for name, said in (("after", y_pred), ("before", plain))
            if said is not None
        },
        "threshold": threshold,
        "policies": money,
        "losing": losing(money, task.settings.value.currency),
        "importances": permutation_importances(model, frame, task, cost or {}),
        "visible": visible(y_pred),
        "examples": examples(model, scored, reference or typical_row(frame, task.contract)),
    }


def headline(evaluation: Evaluation) -> str:
    """Return the one sentence to remember."""
    score, metric = evaluation["scores"][evaluation["metric"]], called(evaluation["metric"])
    return (
        f"{metric} {score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f}) "
        f"on {evaluation['rows']:,} test rows; "
        f"the baseline reaches {evaluation['baseline']:.3f}"
    )
