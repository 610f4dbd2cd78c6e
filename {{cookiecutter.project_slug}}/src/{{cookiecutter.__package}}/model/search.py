"""Cross-validate the ladder: which setting to try next, and when going on is not worth it.

In: training rows. Out: a `Trial` per setting tried. A search that was cut off goes on where it was,
and one that is repeated gives the same trials: each is kept in `.search/` with the time it took.
"""

import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.parallel import Parallel, delayed

from ..data.check import Progress
from ..data.split import Fold, fingerprints, folds, subsample
from ..errors import CheckFailed
from ..evaluation.scores import predict_scores
from ..evaluation.task import Task, workers
from ..settings import Training
from ..words import counted
from .candidates import ladder
from .suggest import Suggestion, Trial, min_gain, spent, suggest

ROWS = 30_000  # to search on; the model that is kept is fitted on all rows
CACHE = 500 * 2**20  # bytes of trials that are kept


@dataclass(frozen=True)
class Search:
    """All that was tried, on which rows and folds, and why it stopped."""

    trials: list[Trial]
    rows: pd.DataFrame
    folds: list[Fold]
    why: str
    min_gain: float

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every try in its order, JSON-ready, with the best score up to then."""
        best = np.maximum.accumulate([trial.mean for trial in self.trials])
        return [
            {
                "candidate": trial.candidate,
                "score": trial.mean,
                "best": float(so_far),
                "expected": trial.expected_improvement
                if np.isfinite(trial.expected_improvement)
                else None,
                "seconds": trial.seconds,
            }
            for trial, so_far in zip(self.trials, best, strict=True)
        ]


def search(frame: pd.DataFrame, task: Task, progress: Progress) -> Search:
    """Try each candidate as it starts, then what promises the most gain a second.

    frame: typed training rows, of which at most 30,000 are used. progress: called with what is
    tried and the seconds left, trials done and trials allowed. Seconds are those of work: a trial
    that is remembered counts as long as it took, so that a search that is repeated ends the same.
    """
    rows = subsample(frame, ROWS, task.settings)
    target = rows[task.contract.target.name]
    usable = _usable(rows, task)
    candidates = {candidate.name: candidate for candidate in ladder(task, target)}
    remembered = _memory(task.settings.root)
    key, training = _key(rows, task), task.settings.training
    trials: list[Trial] = []
    suggestion, why = suggest(candidates, trials, training)
    while suggestion is not None:
        progress(
            _show(suggestion, trials, training),
            len(trials),
            max(training.max_trials, len(trials) + 1),
        )
        build = candidates[suggestion.candidate].build
        result = remembered(key, suggestion.candidate, suggestion.params, build, rows, usable, task)
        trials.append(
            Trial(suggestion.candidate, suggestion.params, suggestion.expected_improvement, *result)
        )
        suggestion, why = suggest(candidates, trials, training)
    done = f"{counted(len(trials), 'trial')}, {spent(trials):.0f} s of work: the search is done"
    progress(done, len(trials), len(trials))
    return Search(trials, rows, usable, why, min_gain(trials, training))


def _usable(rows: pd.DataFrame, task: Task) -> list[Fold]:
    """Return the folds that can be trained on and scored; raise `CheckFailed` if there is none."""
    target = rows[task.contract.target.name]
    least = 1 if task.contract.task == "multiclass" else 2
    usable = [
        (train, valid)
        for train, valid in folds(rows, task.contract, task.settings)
        if target.iloc[train].nunique() > 1 and target.iloc[valid].nunique() >= least
    ]
    if not usable:
        raise CheckFailed(
            f"the {len(rows)} rows to train on cannot be cut into folds with more than one value "
            f"of '{target.name}' each; bring more rows, or change `folds` or `time` in project.toml"
        )
    return usable


def _show(suggestion: Suggestion, trials: Sequence[Trial], training: Training) -> str:
    params = ", ".join(f"{name} {value}" for name, value in suggestion.params.items())
    left = max(1, round(training.budget_seconds - spent(trials)))
    return f"trial {len(trials) + 1}, about {left} s left: {suggestion.candidate} {params}".strip()


def _memory(root: Path) -> Callable[..., Any]:
    memory = joblib.Memory(root / ".search", verbose=0)
    memory.reduce_size(bytes_limit=CACHE)
    return memory.cache(_try, ignore=["build", "frame", "parts", "task"])


def _key(rows: pd.DataFrame, task: Task) -> str:
    """Return a digest of all that a trial depends on: rows, roles, folds, metric and code."""
    training, data = task.settings.training, task.settings.data
    code = [path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
    said = [task.metric_name, training.folds, training.seed, data, task.contract]
    text = repr([*said, sklearn.__version__, *code])
    return hashlib.sha256(fingerprints(rows).tobytes() + text.encode()).hexdigest()


@contextmanager
def unworried() -> Iterator[None]:
    """Say nothing of a net that is stopped early, nor of rows that are fewer than quantiles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="n_quantiles")
        yield


def _try(
    key: str,
    candidate: str,
    settings: Mapping[str, Any],
    build: Callable[..., Any],
    frame: pd.DataFrame,
    parts: Sequence[Fold],
    task: Task,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return scores, guesses out of fold, and seconds; key: of all that is not hashed itself."""
    started = time.monotonic()
    names, target = task.classes, frame[task.contract.target.name]

    def validate(train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        model = build(**settings).fit(frame.iloc[train], target.iloc[train])
        return predict_scores(model, frame.iloc[valid], names)

    with unworried():
        y_preds = Parallel(n_jobs=workers(len(frame)))(delayed(validate)(*p) for p in parts)
    out = np.full((len(frame), len(names)) if len(names) > 2 else len(frame), np.nan)
    for (_, valid), y_pred in zip(parts, y_preds, strict=True):
        out[valid] = y_pred
    return fold_scores(out, frame, parts, task), out, time.monotonic() - started


def fold_scores(
    y_pred: np.ndarray, frame: pd.DataFrame, parts: Sequence[Fold], task: Task
) -> np.ndarray:
    """Return the metric in each fold in which it is defined."""
    y_true = task.y_true(frame)
    scores = np.asarray([task.metric(y_true[valid], y_pred[valid]) for _, valid in parts])
    return scores[np.isfinite(scores)]
