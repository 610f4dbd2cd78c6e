"""Why: what each feature is worth to the model and costs, and what moved one prediction.

In: a fitted pipeline and typed rows. Out: numbers in units of the metric, or of the prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.contract import NUMERIC, Contract
from ..data.limits import Limits, servable
from ..data.rows import to_frame, to_records
from .scored import SMALL, Judge, ScoredRows
from .scores import Interval, predict_scores
from .task import Task

ROWS = 2000
SHUFFLES = 5
Value = str | float | None
Row = dict[str, Value]  # JSON values by feature


@dataclass(frozen=True)
class Importance:
    """What a feature is worth and costs; milliseconds: of one row, None if unknown."""

    feature: str
    importance: Interval
    missing: float
    milliseconds: float | None


@dataclass(frozen=True)
class Reason:
    """By how much one column moved a prediction, against its typical value."""

    column: str
    value: Value
    typical: Value
    moved: float


@dataclass(frozen=True)
class Explanation:
    """A prediction, that of the typical row, and the reasons between them, the largest first.

    of: the class that is predicted, None for numbers.
    """

    y_pred: float
    of: str | None
    typical: float
    reasons: list[Reason]


@dataclass(frozen=True)
class Example(Explanation):
    """An explained test row: which it is, what came, and its features."""

    which: str
    y_true: str
    row: Row


def permutation_importances(
    judges: Sequence[Judge], frame: pd.DataFrame, task: Task, cost: Mapping[str, float]
) -> list[Importance]:
    """Return what each feature is worth and costs, the most valuable first.

    Worth is the drop of the score when the column is shuffled (Breiman, 2001), the mean of five
    shuffles a judge, on at most 2,000 rows in all, and two standard errors on each side. cost:
    milliseconds by feature, of computing it for one row.
    """
    # A service explains, and never asks this: a tenth of a second of its start.
    from sklearn.inspection import permutation_importance

    def score(fitted: Pipeline, rows: pd.DataFrame, y_true: np.ndarray) -> float:
        return task.measure(y_true, predict_scores(fitted, rows, task.classes))

    names, found = task.contract.features, []
    for one in judges:
        most = min(ROWS // len(judges), len(one.rows))
        sample = frame.iloc[one.rows].sample(most, random_state=task.seed)
        drops = permutation_importance(
            one.model,
            sample[names],
            task.y_true(sample),
            scoring=score,
            n_repeats=SHUFFLES,
            random_state=task.seed,
        )
        found.append(drops.importances)
    table = []
    for name, drops in zip(names, np.hstack(found), strict=True):
        drop, error = float(drops.mean()), float(drops.std(ddof=1) / np.sqrt(len(drops)))
        missing = float((frame[name].isna() | (frame[name] == "")).mean())
        worth = Interval(drop, drop - 2 * error, drop + 2 * error)
        table.append(Importance(name, worth, missing, cost.get(name)))
    return sorted(table, key=lambda row: -row.importance.value)


def typical_row(frame: pd.DataFrame, contract: Contract) -> Row:
    """Return a row to compare with: median of numbers and dates, commonest of the rest."""
    row: Row = {}
    for column in contract.with_role("feature"):
        values = frame[column.name].dropna()
        if values.empty:
            row[column.name] = None
        elif column.kind == "date":
            row[column.name] = values.sort_values().iloc[len(values) // 2].isoformat()
        elif column.kind in NUMERIC:
            # Between two whole numbers there may be none, which the contract would refuse.
            way = "lower" if column.kind == "integer" else "linear"
            row[column.name] = float(values.quantile(0.5, interpolation=way))
        else:
            row[column.name] = str(values.mode().iloc[0])
    return row


def explain(
    model: Pipeline, row: pd.DataFrame, typical: pd.DataFrame, names: tuple[str, ...], least: float
) -> Explanation:
    """Return the prediction of one typed row, that of the typical row, and the reasons between.

    Each column in turn is given its typical value (a one-at-a-time occlusion, Zeiler and Fergus,
    2014); the change of the prediction is what it moved. Left out is what moved no more than
    `least` (see `ScoredRows.visible`), or than a small share of the largest. Reasons do not add up:
    columns act together.
    """
    swapped = pd.concat([row] * (row.shape[1] + 1) + [typical], ignore_index=True)
    for position, name in enumerate(row.columns):
        swapped.loc[position + 1, name] = typical[name].iloc[0]
    y_pred, of = predict_scores(model, swapped, names), names[-1] if names else None
    if y_pred.ndim == 2:
        top = int(y_pred[0].argmax())
        y_pred, of = y_pred[:, top], names[top]
    moved = y_pred[0] - y_pred[1:-1]
    least = max(least, SMALL * float(np.abs(moved).max(initial=0)))
    order = [i for i in np.argsort(-np.abs(moved), kind="stable") if abs(moved[i]) > least]
    value, plain = to_records(row)[0], to_records(typical)[0]
    columns = [(i, row.columns[i]) for i in order]
    reasons = [Reason(c, value[c], plain[c], float(moved[i])) for i, c in columns]
    return Explanation(float(y_pred[0]), of, float(y_pred[-1]), reasons)


def example_reasons(
    judges: Sequence[Judge], scored: ScoredRows, rows: pd.DataFrame, limits: Limits
) -> list[Example]:
    """Return the rows with the highest, the middle and the lowest prediction, with reasons.

    rows: typed training rows, whose typical row is compared with. Of more than two classes the
    prediction is the probability of the likeliest. Only rows that the service takes are shown, if
    there are any: they are what a caller is shown as an example.
    """
    y_pred, contract = scored.y_pred, scored.task.contract
    takes = servable(scored.frame, contract, limits)
    height = y_pred.max(axis=1) if y_pred.ndim == 2 else y_pred
    order = np.argsort(-height, kind="stable")
    order = order[takes[order]] if takes.any() else order
    places = {"highest": order[0], "middle": order[len(order) // 2], "lowest": order[-1]}
    typical, found = to_frame(contract, [typical_row(rows, contract)]), []
    for which, at in places.items():
        row = scored.frame[contract.features].iloc[[at]].reset_index(drop=True)
        model = next(one.model for one in judges if at in one.rows)
        why = explain(model, row, typical, scored.task.classes, scored.visible())
        y_true = str(scored.frame[contract.target.name].iloc[at])
        found.append(Example(**vars(why), which=which, y_true=y_true, row=to_records(row)[0]))
    return found
