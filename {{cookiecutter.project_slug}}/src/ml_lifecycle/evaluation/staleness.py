"""How fast a model ages: the same recipe, fitted on older and older rows, scored on the same test.

In: a way to fit and typed rows in order of time. Out: the score by age, with intervals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from .scores import bootstrap_weights, interval, predict_scores
from .task import Task, workers

MOST = 5_000  # rows of a window: enough to see the slope, few enough to fit five
STEPS = 4  # of an eighth of the training rows
DAY = 86_400  # seconds
YEARS = 1500, 2200  # whole numbers between them are years


@dataclass(frozen=True)
class AgePoint:
    """The score, with its interval, of a model whose newest row is so old."""

    age: float
    unit: str
    score: float
    low: float
    high: float


def staleness_curve(
    fit: Callable[[pd.DataFrame], Pipeline], rows: pd.DataFrame, test: pd.DataFrame, task: Task
) -> list[AgePoint]:
    """Return the scores of models that saw as many rows, but older ones.

    rows, test: typed training and test rows. Each window holds half of `rows` (5,000 at most) and
    ends 0 to 4 eighths of them before their end. age: days (where time is a number: years, or its
    own unit) from the end of the window to that of `rows`; without a time column their share.
    Empty where there is no order in time.
    """
    time, target = task.contract.time, task.contract.target.name
    if not (time or task.ordered):
        return []
    if time:
        rows = rows.sort_values(time, kind="stable", ignore_index=True)
    size = min(len(rows) // 2, MOST)
    ends = [len(rows) - step * len(rows) // 8 for step in range(STEPS + 1)]
    windows = {end: rows.iloc[end - size : end].reset_index(drop=True) for end in ends}
    if task.classes:  # of one class there is nothing to learn
        windows = {end: part for end, part in windows.items() if part[target].nunique() > 1}
    models = Parallel(n_jobs=workers(len(rows)))(delayed(fit)(part) for part in windows.values())
    y_true, weights, curve = task.y_true(test), bootstrap_weights(task.groups(test)), []
    for (end, window), model in zip(windows.items(), models, strict=True):
        age, unit = round(100 * (1 - end / len(rows)), 1), "% of the training rows"
        if time:
            age, unit = _age(rows[time], window[time].iloc[-1])
        y_pred = predict_scores(model, test, task.classes)
        score = interval(task.score, y_true, y_pred, weights)
        curve.append(AgePoint(age, unit, score.value, score.low, score.high))
    return curve


def _age(moments: pd.Series, newest: Any) -> tuple[float, str]:
    """Return how far `newest` lies before the last of `moments`, in days or their own unit."""
    distance = moments.iloc[-1] - newest
    if isinstance(distance, pd.Timedelta):
        return distance.total_seconds() / DAY, "days"
    years = YEARS[0] <= moments.min() and moments.max() <= YEARS[1] and (moments % 1 == 0).all()
    return float(distance), "years" if years else f"units of {moments.name}"
