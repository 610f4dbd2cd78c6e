"""Keep the simplest candidate that nothing beats by more than chance, or a blend that is as good.

In: the trials of a search. Out: the trial to keep, calibrated, and the reasons. `build_estimator`
turns a trial back into a pipeline to fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import sem
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
    more than a standard error (the rule of Breiman et al., 1984, section 3.4.3). To leave the
    baseline is to say that there is a signal at all, and asks for 95 % confidence. A blend replaces
    it unless it is lower by a standard error: what serves is fitted on more and later rows than any
    fold, and a mean hangs less on what one model makes of those.
    """
    first, *rest = [Selected(**vars(trial)) for trial in best_by_candidate(found.trials)]
    kept, reasons = first, []
    for trial in [*rest, *(_blend(found, task) if found.blend else [])]:
        gain, error = _gain(trial.y_pred, kept.y_pred, found, task)
        shown = f"{called(task.metric_name)} {gain:+.4f} ± {error:.4f}"
        step = SIGNAL if kept is first else -STEP if trial.members else STEP
        if gain > step * error:
            how = f"beats {kept.candidate} by" if gain > 0 else f"is as good as {kept.candidate}:"
            reasons.append(f"{trial.candidate} {how} {shown}")
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
    best: dict[str, Trial] = {}
    for trial in trials:
        best[trial.candidate] = max(best.get(trial.candidate, trial), trial, key=lambda t: t.mean)
    return list(best.values())


def _gain(y_pred: np.ndarray, other: np.ndarray, found: Search, task: Task) -> tuple[float, float]:
    """Return by how much a guess is better out of fold, and the standard error of that.

    The larger of two: of rows, by a bootstrap of the same ones, in groups, for both (Efron and
    Tibshirani, 1993); and of folds, since one upheaval is no proof where the world moves.
    """
    y_true, metric = task.y_true(found.rows), task.score
    weights = bootstrap_weights(task.groups(found.rows), task.seed, 100)
    by_fold = [
        bootstrap_scores(metric, y_true[v], y_pred[v], weights[:, v])
        - bootstrap_scores(metric, y_true[v], other[v], weights[:, v])
        for _, v in found.folds
    ]
    gain, *draws = np.mean(by_fold, axis=0)
    known = np.asarray(draws)[np.isfinite(draws)]
    of_rows = known.std(ddof=1) if len(known) > 1 else np.inf
    of_folds = sem([gains[0] for gains in by_fold]) if len(by_fold) > 1 else 0.0
    return float(gain), float(np.fmax(of_rows, of_folds))


def _blend(found: Search, task: Task) -> list[Selected]:
    """Return a mean that starts from all not surely worse than the best (Hansen et al., 2011)."""
    firsts = sorted(best_by_candidate(found.trials)[1:], key=lambda trial: -trial.mean)
    lacks = [_gain(firsts[0].y_pred, trial.y_pred, found, task) for trial in firsts]
    worse = [gain > SIGNAL * error for gain, error in lacks]
    pool = [firsts[at] for at in np.argsort(worse, kind="stable")]
    drawn = _drawn([t.y_pred for t in pool], min(worse.count(False), MEMBERS), found, task)
    members = tuple((drawn.count(at) / len(drawn), pool[at]) for at in dict.fromkeys(drawn))
    if len(members) < 2:
        return []
    y_pred = np.sum([weight * trial.y_pred for weight, trial in members], axis=0)
    shown = {
        " ".join(map(str, ["weight of", trial.candidate, *trial.params.values()])): round(weight, 2)
        for weight, trial in members
    }
    scores = fold_scores(y_pred, found.rows, found.folds, task)
    seconds = spent([trial for _, trial in members])
    return [Selected("blend", shown, np.nan, scores, y_pred, seconds, members)]


def _drawn(y_preds: Sequence[np.ndarray], first: int, found: Search, task: Task) -> Sequence[int]:
    """Return which predictions to take the mean of, some more than once; three at most.

    Greedy ensemble selection from the `first` ones on (Caruana et al., 2004, section 2.2), no
    further from equal weights than surely pays: they are hard to beat later (Timmermann, 2006).
    """

    def mean(drawn: Sequence[int]) -> np.ndarray:
        return np.mean([y_preds[at] for at in drawn], axis=0)

    def score(drawn: Sequence[int]) -> float:
        return float(fold_scores(mean(drawn), found.rows, found.folds, task).mean())

    tried: list[Sequence[int]] = [range(first)]
    while len(last := tried[-1]) < ROUNDS:
        allowed = sorted(set(last)) if len(set(last)) == MEMBERS else range(len(y_preds))
        tried.append(max(([*last, at] for at in allowed), key=score))
    best = max(tried, key=score)
    gains = ((drawn, *_gain(mean(best), mean(drawn), found, task)) for drawn in tried)
    return next((drawn for drawn, gain, error in gains if gain <= STEP * error), best)
