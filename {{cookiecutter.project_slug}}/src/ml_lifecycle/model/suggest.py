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
NEAR = 0.02  # of a knob's range; settings closer than that are the same

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Suggestion:
    """What to try next, and the gain that it promises (NaN: not predicted)."""

    candidate: str
    params: Params
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
    """Return what to try next; or None, and why the search stops.

    Starts go first, then what improves most per second: Snoek et al. (2012), section 3.2.
    """
    by_rung = {name: [t for t in trials if t.candidate == name] for name in candidates}
    for name, candidate in candidates.items():
        if not by_rung[name]:
            return Suggestion(name, candidate.initial_params[0]), ""
    left = settings.budget_seconds - spent(trials)
    stopped = f"The search stopped after {counted(len(trials), 'setting')}"
    last = trials[-1].expected_improvement
    promise = f" The last one had promised a gain of {last:.2g}." if last > 0 else ""
    used_up = f"{stopped}: its budget is used up.{promise}"
    if left <= 0 or len(trials) >= settings.max_trials:
        return None, used_up
    if start := _next_start(candidates, by_rung, left):
        return start, ""
    proposals, worth = _proposals(candidates, by_rung, settings.seed), min_gain(trials, settings)
    if not proposals:
        return None, f"{stopped}: no candidate is as good as the baseline."
    most = max(proposal.expected_improvement for proposal, _ in proposals)
    if most <= worth:
        too_little = f"a gain of {most:.2g}, and less than {worth:.2g} is not worth it."
        return None, f"{stopped}: one more promises {too_little}"
    rates = [
        (proposal.expected_improvement / seconds, proposal)
        for proposal, seconds in proposals
        if proposal.expected_improvement > worth and seconds <= left
    ]
    return max(rates, key=lambda rate: rate[0])[1] if rates else None, used_up


def _next_start(
    candidates: Mapping[str, Candidate], by_rung: Mapping[str, Sequence[Trial]], left: float
) -> Suggestion | None:
    """Return the start with the least work, if the seconds left are enough for it."""
    starts = [
        (float(_seconds(candidate, by_rung[name], [params])[0]), Suggestion(name, params))
        for name, candidate in candidates.items()
        for params in candidate.initial_params[len(by_rung[name]) :][:1]
    ]
    seconds, start = min(starts, key=lambda start: start[0], default=(0.0, None))
    return start if seconds <= left else None


def _proposals(
    candidates: Mapping[str, Candidate], by_rung: Mapping[str, Sequence[Trial]], seed: int
) -> list[tuple[Suggestion, float]]:
    """Return settings of the candidates that are close to the best, and the seconds of each."""
    means = {name: max(trial.mean for trial in trials) for name, trials in by_rung.items()}
    best, baseline = max(means.values()), next(iter(means.values()))
    floor = best - SHARE * (best - baseline)
    proposals: list[tuple[Suggestion, float]] = []
    for name, candidate in candidates.items():
        if candidate.space and means[name] >= floor:
            units = qmc.Halton(len(candidate.space), seed=seed).random(POOL)
            space = candidate.space.items()
            pool = [{n: d.from_unit(x) for (n, d), x in zip(space, u, strict=True)} for u in units]
            gains = _expected_improvement(candidate, by_rung[name], pool, floor)
            suggestions = [Suggestion(name, p, float(g)) for p, g in zip(pool, gains, strict=True)]
            proposals += zip(suggestions, _seconds(candidate, by_rung[name], pool), strict=True)
    return proposals


def _expected_improvement(
    candidate: Candidate, trials: Sequence[Trial], pool: Sequence[Params], floor: float
) -> np.ndarray:
    """Return the expected improvement of each setting on its rung; 0 near one that was tried.

    Jones, Schonlau and Welch (1998), eq. 15, under a Gaussian process over the places of the knobs.
    """
    scores = np.asarray([trial.mean for trial in trials])
    # A very bad try says little about how good the good ones can get.
    process = _fit(candidate, trials, np.maximum(scores, floor), 0.5)
    places = _places(candidate, pool)
    mean, spread = process.predict(places, return_std=True)
    spread = np.maximum(spread, 1e-12)
    z = (mean - scores.max()) / spread
    apart = np.abs(places[:, None] - process.X_train_).max(axis=2).min(axis=1)
    return np.where(apart < NEAR, 0.0, spread * (z * norm.cdf(z) + norm.pdf(z)))


def _seconds(candidate: Candidate, trials: Sequence[Trial], pool: Sequence[Params]) -> np.ndarray:
    """Return the seconds that each setting is predicted to take."""
    logs = np.log([max(trial.seconds, 1e-3) for trial in trials])
    # Work is nearly a product of powers of the knobs, hence smoother than the score.
    process = _fit(candidate, trials, logs, 1.5)
    return np.asarray(np.exp(process.predict(_places(candidate, pool))))


def _fit(
    candidate: Candidate, trials: Sequence[Trial], values: np.ndarray, length: float
) -> GaussianProcessRegressor:
    kernel = Matern(length, nu=2.5)
    process = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None, normalize_y=True)
    return process.fit(_places(candidate, [trial.params for trial in trials]), values)


def _places(candidate: Candidate, settings: Sequence[Params]) -> np.ndarray:
    space = candidate.space.items()
    return np.asarray([[dimension.to_unit(s[name]) for name, dimension in space] for s in settings])
