"""Scores with intervals. Every score is "higher is better", as in scikit-learn.

In: truth and guess. truth: (rows,) 0/1 for two classes, class number for more, float for numbers.
guess: (rows,) probability of the positive class, (rows, classes) probabilities, or (rows,) values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.contract import Contract

PerRow = Callable[[np.ndarray, np.ndarray], np.ndarray]
Metric = Callable[[np.ndarray, np.ndarray], float]
WeightedScore = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
RESAMPLES = 200
BLOCK = 4_000_000  # weights looked at in one go


@dataclass(frozen=True)
class Interval:
    """A value with its bounds; NaN where it is undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Tenth:
    """A tenth of the rows by prediction: the means of what was said and of what came."""

    y_pred: float
    y_true: float
    rows: int


@dataclass(frozen=True)
class Calibration:
    """What was said and what came, by tenth; error: the mean distance between them."""

    points: list[Tenth]
    error: float


def probability_matrix(y_pred: np.ndarray) -> np.ndarray:
    """Return (rows, classes) probabilities, of two classes the positive one last."""
    return y_pred if y_pred.ndim == 2 else np.column_stack([1 - y_pred, y_pred])


def losses(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return a loss per row: Brier's (1950) for classes, the squared error for numbers."""
    if y_pred.ndim == 2:
        return ((y_pred - np.eye(y_pred.shape[1])[y_true.astype("int64")]) ** 2).sum(axis=1)
    return (y_pred - y_true) ** 2


def _right(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return y_true == (y_pred.argmax(axis=1) if y_pred.ndim == 2 else y_pred >= 0.5)


def _log_likelihood(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    chance = probability_matrix(y_pred)[np.arange(len(y_true)), y_true.astype(int)]
    return np.log(np.clip(chance, np.finfo(float).eps, 1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def mean(per_row: PerRow) -> WeightedScore:
    """Return the mean of a number per row as a weighted score."""
    return lambda t, g, weights: _ratio(
        weights @ per_row(t, g).astype("float64"), weights.sum(axis=1)
    )


PLAIN = mean(lambda _, values: values)  # of numbers that need no truth, such as money


def _tally(
    y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (draws, distinct guesses): weight of positives and of all, the highest guess first."""
    order = np.argsort(-y_pred, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(y_pred[order]) != 0))
    ranked = weights[:, order].astype("float64")
    everyone = np.add.reduceat(ranked, starts, axis=1)
    return np.add.reduceat(ranked * y_true[order], starts, axis=1), everyone


def _auc(y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the share of pairs in right order (Hanley and McNeil, 1982); ties count half."""
    positive, everyone = _tally(y_true, y_pred, weights)
    negative = everyone - positive
    right = (negative * (positive.cumsum(axis=1) - positive / 2)).sum(axis=1)
    return _ratio(right, positive.sum(axis=1) * negative.sum(axis=1))


def _average_precision(y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> np.ndarray:
    positive, everyone = _tally(y_true, y_pred, weights)
    precision = np.nan_to_num(_ratio(positive.cumsum(axis=1), everyone.cumsum(axis=1)))
    return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def _r2(y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> np.ndarray:
    centred, all_weights = y_true - y_true.mean(), weights.sum(axis=1)
    variance = weights @ centred**2 - _ratio((weights @ centred) ** 2, all_weights)
    return 1 - _ratio(weights @ losses(y_true, y_pred), variance)


# weights: (draws, rows), how often each row counts; returns (draws,), NaN where it is undefined.
# One bootstrap is then a few sums over a matrix, 10 times faster than a loop over resamples.
BRIER = mean(lambda t, g: -losses(t, g))
LOG_LOSS, ACCURACY = mean(_log_likelihood), mean(_right)
METRICS: Mapping[str, Mapping[str, WeightedScore]] = {
    "binary": {
        "roc_auc": _auc,
        "average_precision": _average_precision,
        "neg_log_loss": LOG_LOSS,
        "neg_brier_score": BRIER,
        "accuracy": ACCURACY,
    },
    "multiclass": {"neg_log_loss": LOG_LOSS, "neg_brier_score": BRIER, "accuracy": ACCURACY},
    "regression": {
        "r2": _r2,
        "neg_mean_absolute_error": mean(lambda t, g: -np.abs(t - g)),
        "neg_root_mean_squared_error": lambda t, g, w: -np.sqrt(mean(losses)(t, g, w)),
    },
}


def unweighted(score: WeightedScore) -> Metric:
    """Return the score of y_true and y_pred in which each row counts once."""
    return lambda y_true, y_pred: float(score(y_true, y_pred, np.ones((1, len(y_true))))[0])


def target_values(frame: pd.DataFrame, contract: Contract, names: tuple[str, ...]) -> np.ndarray:
    """Return the target as numbers: class numbers (int64) or values (float64)."""
    values = frame[contract.target.name]
    if contract.task == "regression":
        return values.to_numpy(dtype="float64")
    return values.map({name: number for number, name in enumerate(names)}).to_numpy(dtype="int64")


def predict_scores(model: Pipeline, frame: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Return the model's guess for typed rows, classes in the order of `names`."""
    if not names:
        return np.asarray(model.predict(frame), dtype="float64")
    known = list(model.classes_)
    given = model.predict_proba(frame)
    # A class that no training row had is a class the model gives no probability.
    columns = [given[:, known.index(n)] if n in known else np.zeros(len(frame)) for n in names]
    return columns[1] if len(names) == 2 else np.column_stack(columns)


def bootstrap_weights(groups: np.ndarray, seed: int = 0, count: int = RESAMPLES) -> np.ndarray:
    """Return (count, rows) uint8: how often each row is drawn in each bootstrap resample.

    groups: (rows,) the group of each row, any dtype; rows of one group are drawn together, which
    keeps the interval honest when they are alike (Davison and Hinkley, 1997, section 3.8).
    """
    codes, uniques = pd.factorize(groups, use_na_sentinel=False)
    random, size = np.random.default_rng(seed), len(uniques)
    drawn = np.empty((count, len(codes)), dtype="uint8")
    for weights in drawn:
        weights[:] = np.bincount(random.integers(size, size=size), minlength=size)[codes]
    return drawn


def bootstrap_scores(
    score: WeightedScore, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return (1 + draws,): the score, then that of each resample. weights: as `resamples`' are."""
    blocks = np.array_split(weights, 1 + weights.size // BLOCK)
    once = np.ones((1, len(y_true)), dtype="uint8")
    return np.concatenate([score(y_true, y_pred, block) for block in (once, *blocks)])


def percentile_interval(values: np.ndarray, alpha: float = 0.025) -> Interval:
    """Return the percentile-bootstrap interval (Efron, 1979) of what `spread` returns.

    tail: the share of the resamples beyond each bound. Without a defined resample they are NaN.
    """
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn if len(drawn) else [np.nan], [alpha, 1 - alpha])
    return Interval(float(values[0]), float(low), float(high))


def interval(
    score: WeightedScore, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray
) -> Interval:
    """Return the score with its 95 % interval. weights: (draws, rows), see `resamples`."""
    return percentile_interval(bootstrap_scores(score, y_true, y_pred, weights))


def calibration(y_true: np.ndarray, y_pred: np.ndarray, bins: int = 10) -> Calibration:
    """Return what was said and what came, by tenth of the predictions.

    For more than two classes y_pred counts as its top probability, y_true as whether it was right.
    The error is the expected calibration error with bins of equal mass (Naeini et al., 2015).
    """
    if y_pred.ndim == 2:
        y_true, y_pred = (y_pred.argmax(axis=1) == y_true).astype(float), y_pred.max(axis=1)
    edges = np.unique(np.quantile(y_pred, np.linspace(0, 1, bins + 1)[1:-1]))
    tenths = pd.DataFrame({"y_pred": y_pred, "y_true": y_true}).groupby(
        np.searchsorted(edges, y_pred)
    )
    table = tenths.mean().assign(rows=tenths.size())
    error = np.average((table["y_pred"] - table["y_true"]).abs(), weights=table["rows"])
    points = [Tenth(**row) for row in table.to_dict("records")]
    return Calibration(points, float(error))
