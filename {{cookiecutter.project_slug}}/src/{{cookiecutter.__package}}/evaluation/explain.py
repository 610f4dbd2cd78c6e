"""Why: what each feature is worth to the model and costs, and what moved one prediction.

In: a fitted pipeline and typed rows. Out: numbers in units of the metric, or of the prediction.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.contract import NUMERIC, Contract
from ..data.limits import servable
from ..data.rows import to_frame, to_records
from .scores import predict_scores
from .slices import ScoredRows
from .task import Task

ROWS = 2000
SHUFFLES = 5
SMALL = 0.05  # a share too small to be seen among the reasons
Reference = dict[str, object]


def permutation_importances(
    model: Pipeline, frame: pd.DataFrame, task: Task, cost: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return what each feature is worth and costs, the most valuable first.

    worth: the drop of the score when the column is shuffled (Breiman, 2001), the mean of five
    shuffles on at most 2,000 rows, and two standard errors on each side; missing: share of `frame`;
    milliseconds: of computing it for one row, as given in `cost`, None if unknown.
    """
    random = np.random.default_rng(task.settings.training.seed)
    sample = frame.iloc[random.permutation(len(frame))[:ROWS]].reset_index(drop=True)
    y_true, size = task.y_true(sample), len(sample)
    repeated = sample.iloc[np.tile(np.arange(size), SHUFFLES)].reset_index(drop=True)
    full = task.metric(y_true, predict_scores(model, sample, task.classes))
    table = []
    for name in task.contract.features:
        order = np.concatenate([random.permutation(size) for _ in range(SHUFFLES)])
        shuffled = repeated.copy(deep=False)
        shuffled[name] = sample[name].to_numpy()[order]
        y_preds = np.split(predict_scores(model, shuffled, task.classes), SHUFFLES)
        drops = full - np.array([task.metric(y_true, y_pred) for y_pred in y_preds])
        drop, error = float(drops.mean()), float(drops.std(ddof=1) / np.sqrt(SHUFFLES))
        table.append(
            {
                "feature": name,
                "importance": {"value": drop, "low": drop - 2 * error, "high": drop + 2 * error},
                "missing": float((frame[name].isna() | (frame[name] == "")).mean()),
                "milliseconds": cost.get(name),
            }
        )
    return sorted(table, key=lambda row: -row["importance"]["value"])


def typical_row(frame: pd.DataFrame, contract: Contract) -> Reference:
    """Return a row to compare with: median of numbers and dates, commonest of the rest."""
    row: Reference = {}
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


def visible(y_pred: np.ndarray) -> float:
    """Return the least move worth a word: a share of the range that 80 % of the guesses lie in.

    guess: (rows,) or (rows, classes); in its unit, for classes the mean over them.
    """
    low, high = np.quantile(y_pred, [0.1, 0.9], axis=0)
    return SMALL * float(np.mean(high - low))


def explain(
    model: Pipeline, row: pd.DataFrame, usual: pd.DataFrame, names: tuple[str, ...], least: float
) -> dict[str, Any]:
    """Return the guess of one typed row, that of the typical row, and the reasons between them.

    Each column in turn is given its typical value (a one-at-a-time occlusion, Zeiler and Fergus,
    2014); the change of the guess is what it moved. Reasons are in order, the largest first; left
    out is what moved no more than `least` (see `visible`), or than a small share of the largest.
    They do not add up: columns act together. of: the class that is guessed, None for numbers.
    """
    swapped = pd.concat([row] * (row.shape[1] + 1) + [usual], ignore_index=True)
    for position, name in enumerate(row.columns):
        swapped.loc[position + 1, name] = usual[name].iloc[0]
    y_preds, of = predict_scores(model, swapped, names), names[-1] if names else None
    if y_preds.ndim == 2:
        top = int(y_preds[0].argmax())
        y_preds, of = y_preds[:, top], names[top]
    moved = y_preds[0] - y_preds[1:-1]
    least = max(least, SMALL * float(np.abs(moved).max(initial=0)))
    order = [i for i in np.argsort(-np.abs(moved), kind="stable") if abs(moved[i]) > least]
    value, plain = to_records(row)[0], to_records(usual)[0]
    found = [
        {"column": c, "value": value[c], "typical": plain[c], "moved": float(moved[i])}
        for i, c in ((i, row.columns[i]) for i in order)
    ]
    return {"y_pred": float(y_preds[0]), "of": of, "typical": float(y_preds[-1]), "reasons": found}


def examples(model: Pipeline, scored: ScoredRows, reference: Reference) -> list[dict[str, Any]]:
    """Return the rows with the highest, the middle and the lowest guess, each with its reasons.

    reference: the row to compare with, see `typical`.
    Of more than two classes the guess is the probability of the likeliest. Only rows that the
    service takes are shown, if there are any: they are what a caller is shown as an example.
    """
    y_pred, task = scored.y_pred, scored.task
    contract, least = task.contract, visible(y_pred)
    takes = servable(scored.frame, contract, task.settings.service)
    usual = to_frame(contract, [reference])
    height = y_pred.max(axis=1) if y_pred.ndim == 2 else y_pred
    order = np.argsort(-height, kind="stable")
    order = order[takes[order]] if takes.any() else order
    places = {"highest": order[0], "middle": order[len(order) // 2], "lowest": order[-1]}
    found = []
    for which, at in places.items():
        row = scored.frame[contract.features].iloc[[at]].reset_index(drop=True)
        y_true = str(scored.frame[contract.target.name].iloc[at])
        about = {"which": which, "y_true": y_true, "row": to_records(row)[0]}
        found.append(about | explain(model, row, usual, task.classes, least))
    return found
