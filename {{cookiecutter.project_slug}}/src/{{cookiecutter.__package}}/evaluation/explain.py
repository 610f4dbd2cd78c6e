"""Why: what each feature is worth to the model, and what moved one prediction.

In: a fitted pipeline and typed rows. Out: numbers in units of the metric, or of the prediction.
"""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.contract import NUMERIC, Contract
from .problem import Problem
from .scores import guess_of

ROWS = 2000
Reference = dict[str, object]


def importance(model: Pipeline, frame: pd.DataFrame, problem: Problem) -> dict[str, float]:
    """Return the drop of the score when one column is shuffled, largest first (Breiman, 2001).

    On at most 2,000 rows, one shuffle each; may be below zero for a column that is worth nothing.
    """
    random = np.random.default_rng(problem.settings.training.seed)
    sample = frame.iloc[random.permutation(len(frame))[:ROWS]].reset_index(drop=True)
    truth = problem.truth(sample)

    def score(rows: pd.DataFrame) -> float:
        return problem.metric(truth, guess_of(model, rows, problem.classes))

    full, drops = score(sample), {}
    for name in problem.contract.features:
        shuffled = sample[name].to_numpy()[random.permutation(len(sample))]
        drops[name] = full - score(sample.assign(**{name: shuffled}))
    return dict(sorted(drops.items(), key=lambda item: -item[1]))


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
