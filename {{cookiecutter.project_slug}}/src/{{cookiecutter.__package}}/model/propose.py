"""What to try next, and when one more try is not worth it.

In: what was tried. Out: an `Offer`, or None and the reason why the search stops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import norm, qmc
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from ..settings import Training
from ..words import counted
from .candidates import Candidate

POOL = 256  # settings among which the next one is looked for
SHARE = 0.1  # of the lead over the baseline: a candidate that lacks more is left alone
NEAR = 0.02  # of a knob's range; settings closer than that are the same


@dataclass(frozen=True)
class Offer:
    """What to try next, and the gain that it promises (NaN: not predicted)."""

    candidate: str
    settings: Mapping[str, Any]
    expected: float = float("nan")


@dataclass(frozen=True)
class Trial(Offer):
    """What came of it. scores: (folds,); guess: out of fold, NaN where untested."""

    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    guess: np.ndarray = field(default_factory=lambda: np.empty(0))
    seconds: float = 0.0

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


def threshold(trials: Sequence[Trial], training: Training) -> float:
    """Return the gain from which one more try is worth it, in units of the metric."""
    lead = max(trial.mean for trial in trials) - trials[0].mean
    return training.worth * lead


def propose(
    rungs: Mapping[str, Candidate], trials: Sequence[Trial], training: Training
) -> tuple[Offer | None, str]:
    """Return what to try next; or None, and why the search stops."""
    tried = [trial.candidate for trial in trials]
    for name, rung in rungs.items():
        if name not in tried:
            return Offer(name, rung.starts[0]), ""
    left = training.seconds - spent(trials)
    by_rung = {name: [t for t in trials if t.candidate == name] for name in rungs}
    cost = {name: spent(done) / len(done) for name, done in by_rung.items()}
    affordable = [rung for name, rung in rungs.items() if rung.knobs and cost[name] <= left]
    stopped = f"The search stopped after {counted(len(trials), 'setting')}"
    if not affordable or len(trials) >= training.tries:
        last = trials[-1].expected
        promise = f" The last one had promised a gain of {last:.2g}." if last > 0 else ""
        return None, f"{stopped}: its budget is used up.{promise}"
    for rung in sorted(affordable, key=lambda rung: cost[rung.name]):
        if len(by_rung[rung.name]) < len(rung.starts):
            return Offer(rung.name, rung.starts[len(by_rung[rung.name])]), ""
    best = max(trial.mean for trial in trials)
    floor = best - SHARE * (best - trials[0].mean)
    close = [r for r in affordable if max(t.mean for t in by_rung[r.name]) >= floor]
    offers = [_promise(rung, by_rung[rung.name], floor, training.seed) for rung in close]
    if not offers:
        return None, f"{stopped}: what is left of its budget is too little for another one."
    most, worth = max(offer.expected for offer in offers), threshold(trials, training)
    if most <= worth:
        return None, (
            f"{stopped}: one more promises a gain of {most:.2g}, and less than {worth:.2g} is "
            "not worth it."
        )
    return max(offers, key=lambda offer: offer.expected / cost[offer.candidate]), ""


def _promise(rung: Candidate, trials: Sequence[Trial], floor: float, seed: int) -> Offer:
    """Return the setting, not tried yet, with the largest expected improvement of the rung.

    Jones, Schonlau and Welch (1998), eq. 15, under a Gaussian process over the places of the knobs.
    """
    places = _places(rung, [trial.settings for trial in trials])
    scores = np.asarray([trial.mean for trial in trials])
    # A very bad try says little about how good the good ones can get.
    best, scores = scores.max(), np.maximum(scores, floor)
    process = GaussianProcessRegressor(
        Matern(0.5, nu=2.5), alpha=0.01, optimizer=None, normalize_y=True
    )
    pool = [
        {name: knob.at(x) for (name, knob), x in zip(rung.knobs.items(), place, strict=True)}
        for place in qmc.Halton(len(rung.knobs), seed=seed).random(POOL)
    ]
    untried = _places(rung, pool)
    mean, spread = process.fit(places, scores).predict(untried, return_std=True)
    spread = np.maximum(spread, 1e-12)
    z = (mean - best) / spread
    expected = spread * (z * norm.cdf(z) + norm.pdf(z))
    near = np.abs(untried[:, None] - places[None]).max(axis=2).min(axis=1) < NEAR
    at = int(np.where(near, 0.0, expected).argmax())
    return Offer(rung.name, pool[at], float(expected[at]))


def _places(rung: Candidate, settings: Sequence[Mapping[str, Any]]) -> np.ndarray:
    return np.asarray(
        [[knob.place(s[name]) for name, knob in rung.knobs.items()] for s in settings]
    )
