"""Two models on the same rows: how much better is one, and could chance alone explain it?

In: truth, both guesses and the groups of the rows. Out: gains, the challenger's score less the
other's, with the bounds that the gate reads. Whatever is compared, more is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm, t

from .scores import WeightedScore, bootstrap_scores, bootstrap_weights

DRAWS = 500
POWER = 0.8


@dataclass(frozen=True)
class PairedDifference:
    """A gain with its bounds, each one-sided. error: its standard error; rows: compared on."""

    value: float
    low: float
    high: float
    standard_error: float
    rows: int


@dataclass(frozen=True)
class PairedPredictions:
    """Both models' guesses of the same rows, of the shapes that `evaluation.scores` takes.

    groups: (rows,) what is drawn together.
    """

    y_true: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray
    groups: np.ndarray
    seed: int = 0

    @cached_property
    def weights(self) -> np.ndarray:
        """The bootstrap that all comparisons share: (draws, rows)."""
        return bootstrap_weights(self.groups, self.seed, DRAWS)

    def spreads(self, score: WeightedScore, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return our score and theirs where `mask` holds, each (1 + draws,)."""
        y_true, weights = self.y_true[mask], self.weights[:, mask]
        ours, theirs = (
            bootstrap_scores(score, y_true, g[mask], weights)
            for g in (self.challenger, self.champion)
        )
        return ours, theirs


def alpha_at_look(look: int, confidence: float) -> float:
    """Return the error allowed at the `look`-th look at one test set, the first being 1.

    1 - confidence is spent in parts of 1/2, 1/6, 1/12, ... which add up to it, however often one
    looks: alpha spending (Lan and DeMets, 1983).
    """
    return (1 - confidence) / (look * (look + 1))


def paired_difference(
    pair: PairedPredictions, score: WeightedScore, alpha: float, mask: np.ndarray | None = None
) -> PairedDifference:
    """Return the paired gain in `score` where `mask` holds. tail: error of each bound."""
    return paired_differences(pair, score, (alpha,), mask)[0]


def paired_differences(
    pair: PairedPredictions,
    score: WeightedScore,
    alphas: Sequence[float],
    mask: np.ndarray | None = None,
) -> list[PairedDifference]:
    """Return the same gain with the bounds of each tail, from one bootstrap."""
    inside = np.ones(len(pair.y_true), dtype=bool) if mask is None else mask
    ours, theirs = pair.spreads(score, inside)
    return [_bounded(ours - theirs, pair.groups[inside], alpha) for alpha in alphas]


def gap_difference(
    pair: PairedPredictions, score: WeightedScore, alpha: float, masks: Sequence[np.ndarray]
) -> PairedDifference:
    """Return by how much the gap between the best and the worst of some groups got smaller."""
    both = np.array([pair.spreads(score, mask) for mask in masks])  # groups, models, 1 + draws
    both = both[np.isfinite(both[:, :, 0]).all(axis=1)]  # a group of one class has no AUC
    if len(both) < 2:
        return PairedDifference(np.nan, np.nan, np.nan, np.nan, 0)
    ours, theirs = both.max(axis=0) - both.min(axis=0)
    return _bounded(theirs - ours, pair.groups[np.any(masks, axis=0)], alpha)


def _bounded(gains: np.ndarray, groups: np.ndarray, alpha: float) -> PairedDifference:
    """Return value and bounds of (1 + draws,) gains: standard error from the draws, t quantiles.

    Efron and Tibshirani (1993), chapter 12; percentiles cannot tell one in ten thousand apart.
    """
    drawn, size = gains[1:][np.isfinite(gains[1:])], len(np.unique(groups))
    error = float(drawn.std(ddof=1)) if len(drawn) > DRAWS / 2 and size > 1 else np.nan
    reach = float(t.ppf(1 - alpha, max(size - 1, 1))) * error
    value = float(gains[0])
    return PairedDifference(value, value - reach, value + reach, error, len(groups))


def minimum_detectable_gain(found: PairedDifference, limit: float) -> tuple[float, float]:
    """Return the gain that these rows show with power 0.8, and rows that would show this one.

    The rows are infinite where the gain is not above the limit at all.
    """
    reach = found.value - found.low + float(norm.ppf(POWER)) * found.standard_error
    above = found.value - limit
    return limit + reach, found.rows * (reach / above) ** 2 if above > 0 else np.inf


def neg_calibration_error(
    y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return minus the expected calibration error of each resample, by tenths of the guess.

    truth: 0/1 or class numbers; of more than two classes the top one counts. weights: (draws,
    rows). See `evaluation.scores.calibration`.
    """
    if y_pred.ndim == 2:
        y_true, y_pred = y_pred.argmax(axis=1) == y_true, y_pred.max(axis=1)
    edges = np.unique(np.quantile(y_pred, np.linspace(0, 1, 11)[1:-1]))
    tenths = np.searchsorted(edges, y_pred)
    misses = (y_pred - y_true)[:, None] * (tenths[:, None] == np.unique(tenths))
    return -np.abs(weights @ misses).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
