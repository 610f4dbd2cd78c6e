"""Why: what each feature is worth to the model and costs, and what moved one prediction.

In: a fitted pipeline and typed rows. Out: numbers in units of the metric, or of the prediction.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.contract import NUMERIC, Contract
from ..data.rows import frame_of, rows_of
from .problem import Problem
from .scores import guess_of
from .slices import Judged

ROWS = 2000
SHUFFLES = 5
Reference = dict[str, object]


def features(
    model: Pipeline, frame: pd.DataFrame, problem: Problem, cost: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return what each feature is worth and costs, the most valuable first.

    worth: the drop of the score when the column is shuffled (Breiman, 2001), the mean of five
    shuffles on at most 2,000 rows, and two standard errors on each side; missing: share of `frame`;
    milliseconds: of computing it for one row, as given in `cost`, None if unknown.
    """
    random = np.random.default_rng(problem.settings.training.seed)
    sample = frame.iloc[random.permutation(len(frame))[:ROWS]].reset_index(drop=True)
    truth, size = problem.truth(sample), len(sample)
    repeated = sample.iloc[np.tile(np.arange(size), SHUFFLES)].reset_index(drop=True)
    full = problem.metric(truth, guess_of(model, sample, problem.classes))
    table = []
    for name in problem.contract.features:
        order = np.concatenate([random.permutation(size) for _ in range(SHUFFLES)])
        shuffled = repeated.copy(deep=False)
        shuffled[name] = sample[name].to_numpy()[order]
        guesses = np.split(guess_of(model, shuffled, problem.classes), SHUFFLES)
        drops = full - np.array([problem.metric(truth, guess) for guess in guesses])
        drop, error = float(drops.mean()), float(drops.std(ddof=1) / np.sqrt(SHUFFLES))
        table.append(
            {
                "feature": name,
                "worth": {"value": drop, "low": drop - 2 * error, "high": drop + 2 * error},
                "missing": float((frame[name].isna() | (frame[name] == "")).mean()),
                "milliseconds": cost.get(name),
            }
        )
    return sorted(table, key=lambda row: -row["worth"]["value"])


def typical(frame: pd.DataFrame, contract: Contract) -> Reference:
    """Return a row to compare with: median of numbers and dates, commonest of the rest."""
    row: Reference = {}
    for column in contract.named("feature"):
        values = frame[column.name].dropna()
        if values.empty:
            row[column.name] = None
        elif column.kind == "date":
            row[column.name] = str(values.sort_values().iloc[len(values) // 2])
        elif column.kind in NUMERIC:
            row[column.name] = float(values.median())
        else:
            row[column.name] = str(values.mode().iloc[0])
    return row


def reasons(
    model: Pipeline, row: pd.DataFrame, usual: pd.DataFrame, names: tuple[str, ...]
) -> dict[str, float]:
    """Return by how much each column moved the guess of one typed row, largest first.

    Each column in turn is given its typical value (a one-at-a-time occlusion, Zeiler and Fergus,
    2014); the change of the guess is its reason. For more than two classes: of the top class.
    """
    swapped = pd.concat([row] * (row.shape[1] + 1), ignore_index=True)
    for position, name in enumerate(row.columns):
        swapped.loc[position + 1, name] = usual[name].iloc[0]
    guesses = guess_of(model, swapped, names)
    if guesses.ndim == 2:
        guesses = guesses[:, guesses[0].argmax()]
    moved = {name: float(guesses[0] - guesses[i + 1]) for i, name in enumerate(row.columns)}
    return dict(sorted(moved.items(), key=lambda item: -abs(item[1])))


def examples(model: Pipeline, judged: Judged) -> list[dict[str, Any]]:
    """Return the rows with the highest, the middle and the lowest guess, with five reasons each.

    Of more than two classes the guess is the probability of the likeliest.
    """
    frame, guess, contract = judged.frame, judged.guess, judged.problem.contract
    rows, classes = frame[contract.features], judged.problem.classes
    usual = frame_of(contract, [typical(frame, contract)])
    height = guess.max(axis=1) if guess.ndim == 2 else guess
    order = np.argsort(-height, kind="stable")
    places = {"highest": order[0], "middle": order[len(order) // 2], "lowest": order[-1]}
    found = []
    for which, at in places.items():
        row = rows.iloc[[at]].reset_index(drop=True)
        values, moved = rows_of(row)[0], reasons(model, row, usual, classes)
        found.append(
            {
                "which": which,
                "guess": float(height[at]),
                "class": classes[guess[at].argmax()] if guess.ndim == 2 else None,
                "truth": str(frame[contract.target.name].iloc[at]),
                "reasons": [
                    {"feature": name, "value": values[name], "moved": moved[name]}
                    for name in list(moved)[:5]
                ],
            }
        )
    return found
