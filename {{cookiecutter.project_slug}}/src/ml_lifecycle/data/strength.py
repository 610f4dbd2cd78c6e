"""How much each column says of the target by itself, in milliseconds a column.

In: a matrix of numbers and codes. Out: about the score that a forest would reach with one column
alone. Forests for hundreds of columns would take minutes, so they are grown for the strongest only.
"""

import numpy as np
import pandas as pd

FOLDS = 3
LEAF = 30  # rows of a leaf of those forests


def strength(matrix: pd.DataFrame, target: pd.Series) -> pd.Series:
    """Return the score of each column: 2·AUC - 1, mean over one class against the rest, or R².

    A row's guess is the mean target of rows with alike values, by rank, in the other folds.
    matrix: (rows, columns) of float64 or codes, rows in random order; target: float64, or classes.
    """
    rows, numeric = len(target), target.dtype == "float64"
    if numeric:
        y_true = target.to_numpy()[:, None] / max(target.abs().max(), 1e-300)
    else:
        y_true = pd.get_dummies(target).to_numpy(dtype="float64")
    score, bins = _explained if numeric else _area, max(2 * rows // LEAF, 2)
    folds, scores = np.arange(rows) % FOLDS, {}
    for name in matrix:
        ranks = matrix[name].rank(method="min", na_option="bottom").to_numpy()
        cells = folds * bins + ((ranks - 1) * bins // rows).astype("int64")
        count = np.bincount(cells, minlength=FOLDS * bins)[:, None]
        sums = np.column_stack([np.bincount(cells, part, FOLDS * bins) for part in y_true.T])
        scores[name] = score(count, sums, _guess(count, sums), y_true)
    return pd.Series(scores, dtype="float64")


def _guess(count: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the mean of each cell's bin in the other folds, drawn to that of all by one row.

    count: (folds · bins, 1); sums: (folds · bins, classes).
    """
    rows, total = (part.reshape(FOLDS, -1, part.shape[1]) for part in (count, sums))
    others = total.sum(axis=0) - total + sums.sum(axis=0) / count.sum()
    return (others / (rows.sum(axis=0) - rows + 1)).reshape(sums.shape)


def _explained(
    count: np.ndarray, sums: np.ndarray, y_pred: np.ndarray, y_true: np.ndarray
) -> float:
    error = (y_true**2).sum() + (count * y_pred**2 - 2 * y_pred * sums).sum()
    return float(1 - error / max(len(y_true) * y_true.var(), 1e-300))


def _area(count: np.ndarray, sums: np.ndarray, y_pred: np.ndarray, y_true: np.ndarray) -> float:
    order = np.argsort(y_pred, axis=0)
    right = np.take_along_axis(sums, order, axis=0)
    wrong = count[order, 0] - right
    below = np.cumsum(wrong, axis=0) - wrong / 2
    areas = (below * right).sum(axis=0) / (right.sum(axis=0) * wrong.sum(axis=0))
    return float(2 * areas.mean() - 1)
