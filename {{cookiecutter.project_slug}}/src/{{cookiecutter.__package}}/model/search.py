"""Cross-validate the ladder, and keep the simplest rung that nothing beats by more than chance.

In: training rows. Out: a `Trial` per setting tried, and the one to keep.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.parallel import Parallel, delayed

from ..data.split import Fold, folds
from ..evaluation.problem import Problem
from ..evaluation.scores import guess_of
from .candidates import Candidate, ladder

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Trial:
    """One candidate with one setting. scores: (folds,); guess: out of fold, NaN where untested."""

    candidate: str
    settings: Mapping[str, Any]
    scores: np.ndarray
    guess: np.ndarray
    seconds: float

    @property
    def mean(self) -> float:
        """The mean score over the folds."""
        return float(self.scores.mean())


def search(frame: pd.DataFrame, problem: Problem, progress: Progress) -> list[Trial]:
    """Try every setting of every candidate while the budget lasts; each rung gets one try at least.

    frame: typed training rows. progress: called with (what, done, all) before each try.
    """
    settings, target = problem.settings.training, frame[problem.contract.target.name]
    # A fold whose past has one class only cannot be trained on.
    parts = [
        part
        for part in folds(frame, problem.contract, problem.settings)
        if target.iloc[part[0]].nunique() > 1
    ]
    rungs = ladder(problem.contract, settings.seed)
    plan = [(rung, knobs) for rung in rungs for knobs in rung.settings]
    started, trials, seen = time.monotonic(), [], set()
    for done, (rung, knobs) in enumerate(plan):
        if rung.name in seen and time.monotonic() - started > settings.seconds:
            continue
        seen.add(rung.name)
        progress(f"{rung.name} {_show(knobs)}", done, len(plan))
        trials.append(_try(rung, knobs, frame, parts, problem))
    progress("done", len(plan), len(plan))
    return trials


def _show(knobs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in knobs.items())


def _try(
    rung: Candidate,
    knobs: Mapping[str, Any],
    frame: pd.DataFrame,
    parts: Sequence[Fold],
    problem: Problem,
) -> Trial:
    started = time.monotonic()
    names, target = problem.classes, frame[problem.contract.target.name]

    def validate(train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        model = rung.build(**knobs).fit(frame.iloc[train], target.iloc[train])
        return guess_of(model, frame.iloc[valid], names)

    guesses = Parallel(n_jobs=-1, prefer="threads")(delayed(validate)(*part) for part in parts)
    truth, scores = problem.truth(frame), []
    out = np.full((len(frame), len(names)) if len(names) > 2 else len(frame), np.nan)
    for (_, valid), guess in zip(parts, guesses, strict=True):
        out[valid] = guess
        scores.append(problem.metric(truth[valid], guess))
    kept = np.asarray([score for score in scores if np.isfinite(score)])
    return Trial(rung.name, knobs, kept, out, time.monotonic() - started)


def best_by_rung(trials: Sequence[Trial]) -> list[Trial]:
    """Return the best trial of each candidate, in the order of the ladder."""
    rungs = dict.fromkeys(trial.candidate for trial in trials)
    return [max((t for t in trials if t.candidate == r), key=lambda t: t.mean) for r in rungs]


def standard_error(trial: Trial) -> float:
    """Return the standard error of the mean score over the folds."""
    if len(trial.scores) < 2:
        return 0.0
    return float(trial.scores.std(ddof=1) / np.sqrt(len(trial.scores)))


def choose(trials: Sequence[Trial]) -> tuple[Trial, str]:
    """Return the rung to keep and the reason in a sentence.

    Going up, a rung replaces the one kept so far only if its gain, paired over the folds, is more
    than one standard error: the one-standard-error rule (Breiman et al., 1984, section 3.4.3) on
    differences.
    """
    kept, *rest = best_by_rung(trials)
    reasons = []
    for trial in rest:
        gains = trial.scores - kept.scores
        error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
        gain = float(gains.mean())
        if gain > error:
            reasons.append(f"{trial.candidate} beats {kept.candidate} by {gain:.4f} ± {error:.4f}")
            kept = trial
        else:
            reasons.append(
                f"{kept.candidate} stays: {trial.candidate} gains {gain:.4f} ± {error:.4f}"
            )
    return kept, "; ".join(reasons) + "."
