"""Cross-validate the ladder: which setting to try next, and when going on is not worth it.

In: training rows. Out: a `Trial` per setting tried. A search that was cut off goes on where it was,
and one that is repeated gives the same trials: each is kept in `.search/` with the time it took.
"""

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

from ..data.split import Fold, row_hashes
from ..digest import sha256
from ..errors import CheckFailed
from ..evaluation.evaluation import SearchStep
from ..evaluation.scores import predict_scores
from ..evaluation.task import Task, workers
from ..words import Progress, counted
from .folds import cv_folds, subsample
from .settings import SearchSettings
from .space import Ladder
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
    blend: bool = True

    @property
    def history(self) -> list[SearchStep]:
        """Every trial in its order."""
        best = np.maximum.accumulate([trial.mean for trial in self.trials])
        return [
            SearchStep(trial.candidate, trial.mean, float(so_far), trial.promised, trial.seconds)
            for trial, so_far in zip(self.trials, best, strict=True)
        ]


def search(
    frame: pd.DataFrame,
    task: Task,
    ladder: Ladder,
    settings: SearchSettings,
    cache: Path,
    code: str,
    progress: Progress,
) -> Search:
    """Try each candidate as it starts, then what promises the most gain a second.

    frame: typed training rows, of which at most 30,000 are used. cache: the folder of remembered
    trials; code: a digest of the code that a trial depends on. progress: called with what is
    tried and the seconds left, trials done and trials allowed. Seconds are those of work: a trial
    that is remembered counts as long as it took, so that a search that is repeated ends the same.

    Raises:
        CheckFailed: the rows cannot be cut into folds that can be trained on.

    """
    rows = subsample(frame, ROWS, task.contract.group, settings.seed)
    folds = _usable(rows, task, settings)
    candidates = {one.name: one for one in ladder(task, rows[task.contract.target.name])}
    remembered, key = _memory(cache), _key(rows, folds, task, code)
    trials: list[Trial] = []
    suggestion, why = suggest(candidates, trials, settings)
    while suggestion is not None:
        most = max(settings.max_trials, len(trials) + 1)
        progress(_show(suggestion, trials, settings), len(trials), most)
        name, params, build = suggestion.candidate, suggestion.params, candidates
        result = remembered(key, name, params, build[name].build, rows, folds, task)
        trials.append(Trial(name, params, suggestion.expected_improvement, *result))
        suggestion, why = suggest(candidates, trials, settings)
    done = f"{counted(len(trials), 'trial')}, {spent(trials):.0f} s of work: the search is done"
    progress(done, len(trials), len(trials))
    return Search(trials, rows, folds, why, min_gain(trials, settings), settings.blend)


def _usable(rows: pd.DataFrame, task: Task, settings: SearchSettings) -> list[Fold]:
    """Return the folds that can be trained on and scored; raise `CheckFailed` if there is none."""
    target = rows[task.contract.target.name]
    least = 1 if task.contract.task == "multiclass" else 2
    usable = [
        (train, valid)
        for train, valid in cv_folds(
            rows, task.contract, settings.folds, settings.seed, task.ordered
        )
        if target.iloc[train].nunique() > 1 and target.iloc[valid].nunique() >= least
    ]
    if not usable:
        raise CheckFailed(
            f"the {len(rows)} rows to train on cannot be cut into folds with more than one value "
            f"of '{target.name}' each; bring more rows, or change `folds` or `time` in project.toml"
        )
    return usable


def _show(suggestion: Suggestion, trials: Sequence[Trial], settings: SearchSettings) -> str:
    params = ", ".join(f"{name} {value}" for name, value in suggestion.params.items())
    left = max(1, round(settings.budget_seconds - spent(trials)))
    return f"trial {len(trials) + 1}, about {left} s left: {suggestion.candidate} {params}".strip()


def _memory(cache: Path) -> Callable[..., Any]:
    memory = joblib.Memory(cache, verbose=0)
    memory.reduce_size(bytes_limit=CACHE)
    return memory.cache(_try, ignore=["build", "frame", "folds", "task"])


def _key(rows: pd.DataFrame, folds: Sequence[Fold], task: Task, code: str) -> str:
    """Return a digest of all that a trial depends on: rows, roles, folds, metric and code."""
    text = repr([task.metric_name, task.seed, task.contract, sklearn.__version__, code])
    cut = b"".join(part.tobytes() for fold in folds for part in fold)
    return sha256(row_hashes(rows).tobytes() + cut + text.encode())


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
    params: Mapping[str, Any],
    build: Callable[..., Any],
    frame: pd.DataFrame,
    folds: Sequence[Fold],
    task: Task,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return scores, predictions out of fold, seconds; key: of all that is not hashed itself."""
    started = time.monotonic()
    names, target = task.classes, frame[task.contract.target.name]

    def validate(train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        model = build(**params).fit(frame.iloc[train], target.iloc[train])
        return predict_scores(model, frame.iloc[valid], names)

    with unworried():
        y_preds = Parallel(n_jobs=workers(len(frame)))(delayed(validate)(*p) for p in folds)
    out = np.full((len(frame), len(names)) if len(names) > 2 else len(frame), np.nan)
    for (_, valid), y_pred in zip(folds, y_preds, strict=True):
        out[valid] = y_pred
    return fold_scores(out, frame, folds, task), out, time.monotonic() - started


def fold_scores(
    y_pred: np.ndarray, frame: pd.DataFrame, folds: Sequence[Fold], task: Task
) -> np.ndarray:
    """Return the metric in each fold in which it is defined."""
    y_true = task.y_true(frame)
    scores = np.asarray([task.measure(y_true[valid], y_pred[valid]) for _, valid in folds])
    return scores[np.isfinite(scores)]
