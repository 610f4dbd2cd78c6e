"""Table in, signed release out: split, search, fit, measure, write, register.

In: typed rows. Out: a registered version, its release folder and its pages. The steps are the body
of `train`; each lives in its own module.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .. import NAME
from ..data.contract import USED, Contract, load
from ..data.read import read_table
from ..data.rows import apply
from ..data.split import Split, fingerprints, split
from ..evaluation.assess import Evaluation, evaluate, headline
from ..evaluation.explain import typical
from ..evaluation.problem import Problem
from ..evaluation.report import html
from ..evaluation.scores import guess_of
from ..evaluation.value import best_threshold
from ..ledger import Ledger
from ..release import bundle, registry
from ..settings import Settings
from .candidates import ladder
from .search import Progress, Trial, best_by_rung, choose, search, standard_error


@dataclass(frozen=True)
class Trained:
    """What training leaves behind."""

    version: registry.Version
    evaluation: Evaluation
    report: Path


def load_rows(settings: Settings) -> tuple[pd.DataFrame, Contract]:
    """Return the project's typed rows that have a target, and the contract they keep."""
    contract = load(settings.contract_path, settings.data)
    table = read_table(settings)
    known = table.frame[contract.target.name].notna()
    return apply(contract, table.frame[known].reset_index(drop=True), table.name), contract


def train(
    frame: pd.DataFrame, contract: Contract, settings: Settings, progress: Progress
) -> Trained:
    """Search the ladder on `frame` (typed rows), fit the rung it keeps, measure and register it.

    Training twice on the same rows with the same settings gives the same model.
    """
    problem = Problem(contract, settings)
    frame = frame[[column.name for column in contract.named(*USED)]]
    parts = split(frame, contract, settings)
    rows = frame.iloc[parts.train].reset_index(drop=True)
    trials = search(rows, problem, progress)
    kept, choice = choose(trials)
    progress(f"{kept.candidate} is kept; it is measured, explained and signed", 0, 1)
    model = fit(kept, rows, problem)
    test = frame.iloc[parts.test].reset_index(drop=True)
    evaluation = evaluate(model, test, problem, *_references(kept, rows, problem))
    plain = guess_of(fit(trials[0], rows, problem), test, problem.classes)
    evaluation |= {
        "baseline": problem.metric(problem.truth(test), plain),
        "choice": choice,
        "ladder": _ladder(trials),
    }
    facts = _facts(kept, evaluation, frame, parts, problem)
    return _release(model, problem, frame, parts, evaluation, facts)


def fit(trial: Trial, rows: pd.DataFrame, problem: Problem) -> Pipeline:
    """Return the trial's pipeline, fitted on typed training rows."""
    rungs = ladder(problem.contract, problem.settings.training.seed)
    rung = next(rung for rung in rungs if rung.name == trial.candidate)
    return rung.build(**trial.settings).fit(rows, rows[problem.contract.target.name])


def _references(kept: Trial, rows: pd.DataFrame, problem: Problem) -> tuple[float | None, float]:
    """Return the threshold that earns the most out of fold, and the usual value of a number."""
    if problem.contract.task == "regression":
        return None, float(rows[problem.contract.target.name].median())
    if problem.contract.task == "multiclass":
        return None, 0.0
    seen = np.isfinite(kept.guess)
    truth = problem.truth(rows)[seen]
    return best_threshold(truth, kept.guess[seen], problem.settings.value), 0.0


def _release(
    model: Pipeline,
    problem: Problem,
    frame: pd.DataFrame,
    parts: Split,
    evaluation: Evaluation,
    facts: dict[str, Any],
) -> Trained:
    settings = problem.settings
    page = html(evaluation, f"{NAME}: {facts['candidate']}", settings.value.currency)
    with tempfile.TemporaryDirectory() as folder:
        release, report = Path(folder) / "release", Path(folder) / "report.html"
        bundle.write(release, model, problem, frame, parts, evaluation, facts)
        report.write_text(page, encoding="utf-8")
        version = registry.register(release, report, facts, evaluation, settings)
    settings.reports.mkdir(exist_ok=True)
    kept = settings.reports / f"version-{version.number}.html"
    kept.write_text(page, encoding="utf-8")
    with Ledger(settings.ledger_url) as ledger:
        ledger.look(facts["test_sha256"], f"training of version {version.number}")
    return Trained(version, evaluation, kept)


def _ladder(trials: list[Trial]) -> list[dict[str, Any]]:
    return [
        {
            "candidate": trial.candidate,
            "score": trial.mean,
            "standard error": standard_error(trial),
            "seconds": trial.seconds,
            "settings": ", ".join(f"{k} {v}" for k, v in trial.settings.items()),
        }
        for trial in best_by_rung(trials)
    ]


def _facts(
    kept: Trial, evaluation: Evaluation, frame: pd.DataFrame, parts: Split, problem: Problem
) -> dict[str, Any]:
    root, marks = problem.settings.root, fingerprints(frame)
    return {
        "candidate": kept.candidate,
        "settings": dict(kept.settings),
        "headline": headline(evaluation),
        "rows": len(frame),
        "train_rows": len(parts.train),
        "test_rows": len(parts.test),
        "test_sha256": bundle.digest(np.sort(marks[parts.test]).tobytes()),
        "rows_sha256": bundle.digest(np.sort(marks).tobytes()),
        "git_commit": _git_commit(root),
        "lock_sha256": _lock_digest(root),
        "usual": typical(frame.iloc[parts.train], problem.contract),
    }


def _git_commit(root: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not in git"
    return done.stdout.strip()


def _lock_digest(root: Path) -> str:
    lock = root / "requirements" / "dev.lock"
    return bundle.digest(lock.read_bytes()) if lock.is_file() else "no lock file"
