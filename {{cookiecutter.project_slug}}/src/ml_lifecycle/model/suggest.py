"""What to try next, and when one more try is not worth it.

In: what was tried. Out: a `Suggestion`, or None and the reason why the search stops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import norm, qmc
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from ..words import counted
from .settings import SearchSettings
from .space import Candidate

POOL = 256  # settings among which the next one is looked for
SHARE = 0.1  # of the lead over the baseline: a candidate that lacks more is left alone
NEAR = 0.02  # of a dimension; settings closer than that are the same


@dataclass(frozen=True)
class Suggestion:
    """What to try next, and the gain that it promises (NaN: not predicted)."""

    candidate: str
    params: Mapping[str, Any]
    expected_improvement: float = float("nan")


@dataclass(frozen=True)
class Trial(Suggestion):
    """What came of it. scores: (folds,); y_pred: out of fold, NaN where untested."""

    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    y_pred: np.ndarray = field(default_factory=lambda: np.empty(0))
    seconds: float = 0.0

    @property
    def promised(self) -> float | None:
        """The gain that it had promised, None if none was predicted."""
        return self.expected_improvement if np.isfinite(self.expected_improvement) else None

    @property
    def mean(self) -> float:
        """The mean score over the folds."""
        return float(self.scores.mean())

    @property
    def error(self) -> float:
        """The standard error of the mean over the folds."""
        folds = len(self.scores)
        return float(self.scores.std(ddof=1) / np.sqrt(folds)) if folds > 1 else 0.0


def spent(trials: Sequence[Trial]) -> float:
    """Return the seconds of work that the trials took."""
    return sum(trial.seconds for trial in trials)


def min_gain(trials: Sequence[Trial], settings: SearchSettings) -> float:
    """Return the gain from which one more try is worth it, in units of the metric."""
    lead = max(trial.mean for trial in trials) - trials[0].mean
    return settings.min_gain * lead


def suggest(
    candidates: Mapping[str, Candidate], trials: Sequence[Trial], settings: SearchSettings
) -> tuple[Suggestion | None, str]:
    """Return what to try next; or None, and why the search stops."""
    tried = [trial.candidate for trial in trials]
    for name, candidate in candidates.items():
        if name not in tried:
            return Suggestion(name, candidate.initial_params[0]), ""
    left = settings.budget_seconds - spent(trials)
    by_rung = {name: [t for t in trials if t.candidate == name] for name in candidates}
    cost = {name: spent(done) / len(done) for name, done in by_rung.items()}
    affordable = [
        candidate
        for name, candidate in candidates.items()
        if candidate.space and cost[name] <= left
    ]
    stopped = f"The search stopped after {counted(len(trials), 'setting')}"
    if not affordable or len(trials) >= settings.max_trials:
        last = trials[-1].expected_improvement
        promise = f" The last one had promised a gain of {last:.2g}." if last > 0 else ""
        return None, f"{stopped}: its budget is used up.{promise}"
    for candidate in sorted(affordable, key=lambda candidate: cost[candidate.name]):
        if len(by_rung[candidate.name]) < len(candidate.initial_params):
            return Suggestion(
                candidate.name, candidate.initial_params[len(by_rung[candidate.name])]
            ), ""
    best = max(trial.mean for trial in trials)
    floor = best - SHARE * (best - trials[0].mean)
    close = [r for r in affordable if max(t.mean for t in by_rung[r.name]) >= floor]
    suggestions = [
        _best_of(candidate, by_rung[candidate.name], floor, settings.seed) for candidate in close
    ]
    if not suggestions:
        return None, f"{stopped}: what is left of its budget is too little for another one."
    most, worth = (
        max(suggestion.expected_improvement for suggestion in suggestions),
        min_gain(trials, settings),
    )
    if most <= worth:
        return None, (
            f"{stopped}: one more promises a gain of {most:.2g}, and less than {worth:.2g} is "
            "not worth it."
        )
    return max(
        suggestions,
        key=lambda suggestion: suggestion.expected_improvement / cost[suggestion.candidate],
    ), ""


def _best_of(candidate: Candidate, trials: Sequence[Trial], floor: float, seed: int) -> Suggestion:
    """Return the setting, not tried yet, with the largest expected improvement of the candidate.

    Jones, Schonlau and Welch (1998), eq. 15, under a Gaussian process over the unit cube.
    """
    places = _places(candidate, [trial.params for trial in trials])
    scores = np.asarray([trial.mean for trial in trials])
    # A very bad try says little about how good the good ones can get.
    best, scores = scores.max(), np.maximum(scores, floor)
    process = GaussianProcessRegressor(
        Matern(0.5, nu=2.5), alpha=0.01, optimizer=None, normalize_y=True
    )
    pool = [
        {
            name: dimension.from_unit(x)
            for (name, dimension), x in zip(candidate.space.items(), place, strict=True)
        }
        for place in qmc.Halton(len(candidate.space), seed=seed).random(POOL)
    ]
    untried = _places(candidate, pool)
    mean, spread = process.fit(places, scores).predict(untried, return_std=True)
    spread = np.maximum(spread, 1e-12)
    z = (mean - best) / spread
    expected_improvement = spread * (z * norm.cdf(z) + norm.pdf(z))
    near = np.abs(untried[:, None] - places[None]).max(axis=2).min(axis=1) < NEAR
    at = int(np.where(near, 0.0, expected_improvement).argmax())
    return Suggestion(candidate.name, pool[at], float(expected_improvement[at]))


def _places(candidate: Candidate, tried: Sequence[Mapping[str, Any]]) -> np.ndarray:
    return np.asarray(
        [[dimension.to_unit(s[name]) for name, dimension in candidate.space.items()] for s in tried]
    )
