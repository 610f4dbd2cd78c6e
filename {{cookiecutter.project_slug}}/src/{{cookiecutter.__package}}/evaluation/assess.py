"""Everything that is known of one model on one test set, as numbers.

In: a fitted model and the test rows. Out: an `Evaluation`, JSON-ready; page and card use it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..words import called
from .explain import Reference, examples, features, typical, visible
from .problem import Problem
from .scores import BY_TASK, WEIGHTED, calibration, guess_of, interval, resamples
from .slices import Judged, asked, gaps, slices, unassessed
from .trouble import trouble
from .value import Choice, losing, worth

Evaluation = dict[str, Any]


def evaluate(
    model: Pipeline,
    frame: pd.DataFrame,
    problem: Problem,
    threshold: float | None,
    usual: float,
    plain: np.ndarray | None = None,
    champion: Choice | None = None,
    cost: Mapping[str, float] | None = None,
    reference: Reference | None = None,
) -> Evaluation:
    """Measure `model` on typed test rows.

    threshold: chosen on other rows; usual: the constant that earns the most on the training rows,
    which regression is compared with; plain: the guess before calibration, of the guess's shape;
    champion: its guess on the same rows and its threshold; cost: milliseconds a row, by feature;
    reference: what examples are compared with, by default the typical row of these.
    """
    truth, guess = problem.truth(frame), guess_of(model, frame, problem.classes)
    groups, task = problem.groups(frame), problem.contract.task
    weights = resamples(groups)
    judged = Judged(frame, problem, truth, guess, threshold, weights)
    parts, floors = slices(judged), asked(judged)
    scores = {name: interval(WEIGHTED[name], truth, guess, weights) for name in BY_TASK[task]}
    money = worth(judged, champion, usual)
    return {
        "task": task,
        "metric": problem.metric_name,
        "rows": len(frame),
        "groups": len(np.unique(groups)),
        "scores": scores,
        "slices": parts,
        "gaps": gaps(parts, problem.metric_name),
        "asked": floors,
        "missed": [floor["said"] for floor in floors if not floor["met"]],
        "unassessed": unassessed(judged, parts, scores),
        "trouble": trouble(judged),
        "calibration": {
            name: calibration(truth, said)
            for name, said in (("the model", guess), ("before calibration", plain))
            if said is not None
        },
        "threshold": threshold,
        "worth": money,
        "losing": losing(money, problem.settings.value.currency),
        "features": features(model, frame, problem, cost or {}),
        "visible": visible(guess),
        "examples": examples(model, judged, reference or typical(frame, problem.contract)),
    }


def headline(evaluation: Evaluation) -> str:
    """Return the one sentence to remember."""
    score, metric = evaluation["scores"][evaluation["metric"]], called(evaluation["metric"])
    return (
        f"{metric} {score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f}) "
        f"on {evaluation['rows']:,} test rows; "
        f"the baseline reaches {evaluation['baseline']:.3f}"
    )
