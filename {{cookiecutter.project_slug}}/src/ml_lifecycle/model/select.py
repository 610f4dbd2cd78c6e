"""Keep the simplest candidate that nothing beats by more than chance; the last is a blend.

In: the trials of a search. Out: the trial to keep, calibrated, and the reasons. `build_estimator`
turns a trial back into a pipeline to fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.pipeline import Pipeline

from ..estimators import TemperatureScaledClassifier, apply_temperature
from ..evaluation.evaluation import CandidateScore, SearchStep
from ..evaluation.scores import bootstrap_scores, bootstrap_weights
from ..evaluation.task import Task
from ..words import called
from .calibrate import fit_temperature
from .search import Search, fold_scores, unworried
from .space import Ladder
from .suggest import Trial, spent

SIGNAL = 1.645  # standard errors by which the baseline is beaten: 95 % on one side
STEP = 1.0  # standard errors by which a candidate beats another one
BEST_OF_EACH = 2  # trials of each candidate that may go into the blend
ROUNDS = 10
MEMBERS = 3  # of the blend at the most: each is one more model to serve


@dataclass(frozen=True)
class Selected(Trial):
    """The trial to keep. members: of a blend, by weight; temperature: of the calibration."""

    members: tuple[tuple[float, Trial], ...] = ()
    temperature: float = 1.0


@dataclass(frozen=True)
class Selection:
    """What a search led to: the trial to fit, why, and what it says of rows it had not seen.

    y_true, y_pred: of the rows that some fold validated, calibrated.
    """

    trial: Selected
    reason: str
    search: Search
    task: Task
    y_true: np.ndarray
    y_pred: np.ndarray

    @property
    def history(self) -> list[SearchStep]:
        """Every trial of the search in its order."""
        return self.search.history

    @property
    def ladder(self) -> list[CandidateScore]:
        """The best of each candidate; the last is the blend, if it was selected."""
        blend = [self.trial] if self.trial.members else []
        return [
            CandidateScore(
                trial.candidate,
                trial.mean,
                trial.error,
                trial.seconds,
                ", ".join(f"{name} {value}" for name, value in trial.params.items()),
            )
            for trial in [*best_by_candidate(self.search.trials), *blend]
        ]


def select(found: Search, task: Task) -> Selection:
    """Return the candidate to keep and the reason in a sentence a candidate.

    Going up, a candidate replaces the one kept so far only if its score out of fold is higher by
    more than a standard error (the rule of Breiman et al., 1984, section 3.4.3), which a bootstrap
    of the same rows for both gives, by group (Efron and Tibshirani, 1993). To leave the baseline is
    to say that there is a signal at all, and asks for 95 % confidence.
    """
    first, *rest = [Selected(**vars(trial)) for trial in best_by_candidate(found.trials)]
    kept, reasons = first, []
    for trial in [*rest, *_blend(found, task)]:
        gain, error = _gain(trial, kept, found, task)
        shown = f"{called(task.metric_name)} {gain:+.4f} ± {error:.4f}"
        if gain > (SIGNAL if kept is first else STEP) * error:
            reasons.append(f"{trial.candidate} beats {kept.candidate} by {shown}")
            kept = trial
        else:
            reasons.append(f"{kept.candidate} stays: {trial.candidate} gains {shown}")
    seen = np.concatenate([valid for _, valid in found.folds])
    y_true, y_pred = task.y_true(found.rows)[seen], kept.y_pred[seen]
    if task.kind != "regression":
        kept = replace(kept, temperature=fit_temperature(y_true, y_pred))
        y_pred = apply_temperature(y_pred, kept.temperature)
    return Selection(kept, f"{'; '.join(reasons)}. {found.why}", found, task, y_true, y_pred)


def fit(kept: Selected, ladder: Ladder, rows: pd.DataFrame, task: Task) -> Pipeline:
    """Return the trial's pipeline, fitted on typed training rows."""
    target = rows[task.contract.target.name]
    with unworried():
        return build_estimator(kept, ladder, task, target).fit(rows, target)


def build_estimator(kept: Selected, ladder: Ladder, task: Task, target: pd.Series) -> Pipeline:
    """Return the unfitted pipeline of a trial, for a training on rows with that target."""
    candidates = {candidate.name: candidate for candidate in ladder(task, target)}
    members = kept.members or ((1.0, kept),)
    built = [candidates[trial.candidate].build(**trial.params) for _, trial in members]
    regression = task.kind == "regression"
    if not kept.members and (regression or kept.temperature == 1.0):
        return built[0]
    if not kept.members:
        features, model = built[0].steps
        scaled = TemperatureScaledClassifier(model[1], kept.temperature)
        return Pipeline([features, ("model", scaled)])
    names = [f"{number} {t.candidate}" for number, (_, t) in enumerate(members, 1)]
    pairs, weights = list(zip(names, built, strict=True)), [weight for weight, _ in members]
    if regression:
        return Pipeline([("model", VotingRegressor(pairs, weights=weights))])
    votes = VotingClassifier(pairs, voting="soft", weights=weights)
    return Pipeline([("model", TemperatureScaledClassifier(votes, kept.temperature))])


def best_by_candidate(trials: Sequence[Trial]) -> list[Trial]:
    """Return the best trial of each candidate, in the order of the ladder."""
    return [_ranked(trials, name)[0] for name in dict.fromkeys(t.candidate for t in trials)]


def _ranked(trials: Sequence[Trial], candidate: str) -> list[Trial]:
    return sorted((t for t in trials if t.candidate == candidate), key=lambda t: -t.mean)


def _gain(trial: Trial, other: Trial, found: Search, task: Task) -> tuple[float, float]:
    """Return by how much a trial is better out of fold, and the standard error of that."""
    y_true, metric = task.y_true(found.rows), task.score
    weights = bootstrap_weights(task.groups(found.rows), task.seed, 100)
    by_fold = [
        bootstrap_scores(metric, y_true[v], trial.y_pred[v], weights[:, v])
        - bootstrap_scores(metric, y_true[v], other.y_pred[v], weights[:, v])
        for _, v in found.folds
    ]
    gain, *draws = np.mean(by_fold, axis=0)
    known = np.asarray(draws)[np.isfinite(draws)]
    error = float(known.std(ddof=1)) if len(known) > 1 else float("inf")
    return float(gain), error


def _blend(found: Search, task: Task) -> list[Selected]:
    """Return the weighted mean of the best trials, if more than one of them is of use."""
    names = dict.fromkeys(trial.candidate for trial in found.trials)
    pool = [t for name in list(names)[1:] for t in _ranked(found.trials, name)[:BEST_OF_EACH]]
    counts = _drawn([trial.y_pred for trial in pool], found, task)
    members = tuple((n / sum(counts), t) for n, t in zip(counts, pool, strict=True) if n)
    if len(members) < 2:
        return []
    y_pred = np.sum([weight * trial.y_pred for weight, trial in members], axis=0)
    shown = {f"weight of {t.candidate} {_params(t)}": round(w, 2) for w, t in members}
    return [
        Selected(
            "blend", shown, scores=fold_scores(y_pred, found.rows, found.folds, task),
            y_pred=y_pred, seconds=spent([t for _, t in members]), members=members,
        )
    ]  # fmt: skip


def _params(trial: Trial) -> str:
    return " ".join(str(value) for value in trial.params.values())


def _drawn(y_preds: Sequence[np.ndarray], found: Search, task: Task) -> list[int]:
    """Return how often each prediction is drawn into the mean that scores best.

    Greedy ensemble selection with replacement (Caruana et al., 2004), of at most three.
    """
    drawn: list[int] = []
    total, means = np.zeros_like(y_preds[0]), []
    for done in range(1, ROUNDS + 1):
        full = len(set(drawn)) == MEMBERS
        allowed = sorted(set(drawn)) if full else range(len(y_preds))
        scores = {
            at: fold_scores((total + y_preds[at]) / done, found.rows, found.folds, task).mean()
            for at in allowed
        }
        place = max(scores, key=lambda at: scores[at])
        drawn.append(place)
        total = total + y_preds[place]
        means.append(scores[place])
    best = drawn[: int(np.argmax(means)) + 1]
    return [best.count(at) for at in range(len(y_preds))]
