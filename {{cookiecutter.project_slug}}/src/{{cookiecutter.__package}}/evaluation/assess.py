"""Everything that is known of one model on one test set, as numbers.

In: a fitted model and the test rows. Out: an `Evaluation`, JSON-ready; page and card use it.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.contract import Contract
from ..settings import Settings
from .explain import importance
from .scores import (
    BY_TASK,
    METRICS,
    Interval,
    calibration,
    guess_of,
    interval,
    metric_name,
    truth_of,
)
from .slices import gaps, slices
from .value import worth

Evaluation = dict[str, Any]


def groups_of(frame: pd.DataFrame, settings: Settings) -> np.ndarray:
    """Return what the bootstrap draws together: the group key, or each row by itself."""
    key = settings.data.group
    return frame[key].astype(str).to_numpy() if key else np.arange(len(frame))


def evaluate(
    model: Pipeline,
    frame: pd.DataFrame,
    contract: Contract,
    settings: Settings,
    names: tuple[str, ...],
    threshold: float | None,
    usual: float,
) -> Evaluation:
    """Measure `model` on typed test rows.

    names: the classes as the truth numbers them; threshold: chosen on other rows; usual: median
    target of the training rows, for comparison in regression.
    """
    truth, guess = truth_of(frame, contract, names), guess_of(model, frame, names)
    groups = groups_of(frame, settings)
    name = metric_name(contract, settings)
    found = slices(frame, contract, METRICS[name], truth, guess, groups)
    features = contract.features
    return {
        "task": contract.task,
        "metric": name,
        "rows": len(frame),
        "groups": len(np.unique(groups)),
        "scores": {
            metric: asdict(interval(METRICS[metric], truth, guess, groups))
            for metric in BY_TASK[contract.task]
        },
        "slices": [part.as_row() for part in found],
        "gaps": gaps(found),
        "calibration": calibration(truth, guess),
        "threshold": threshold,
        "worth": worth(truth, guess, threshold, usual, settings.value, groups),
        "importance": importance(
            model, frame, truth, METRICS[name], features, names, settings.training.seed
        ),
    }


def headline(evaluation: Evaluation) -> str:
    """Return the one sentence to remember."""
    score = Interval(**evaluation["scores"][evaluation["metric"]])
    return (
        f"{evaluation['metric']} {score} on {evaluation['rows']:,} test rows; "
        f"the baseline reaches {evaluation['baseline']:.3f}"
    )
