"""Table in, signed release out: split, search, fit, measure, write, register.

In: typed rows. Out: a registered version, its release folder and its pages. The steps are the body
of `train`; each lives in its own module.
"""

import shutil
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
from ..evaluation.report import html
from ..evaluation.scores import METRICS, classes, guess_of, metric_name, safe, truth_of
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
    frame = frame[[column.name for column in contract.named(*USED)]]
    parts = split(frame, contract, settings)
    rows = frame.iloc[parts.train].reset_index(drop=True)
    names = classes(contract, settings.data)
    trials = search(rows, contract, settings, names, progress)
    kept, choice = choose(trials)
    model = _fit(kept, rows, contract, settings)
    evaluation = _measure(model, kept, trials, frame, parts, contract, settings)
    evaluation |= {"choice": choice, "ladder": _ladder(trials)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "release"
        facts = _facts(kept, evaluation, frame, parts, contract, settings)
        bundle.write(path, model, contract, frame, parts, evaluation, facts, names, settings.root)
        page = html(evaluation, f"{NAME}: {kept.candidate}", settings.value.currency)
        (Path(folder) / "report.html").write_text(page, encoding="utf-8")
        version = registry.register(path, Path(folder) / "report.html", facts, evaluation, settings)
        settings.reports.mkdir(exist_ok=True)
        report = settings.reports / f"version-{version.number}.html"
        shutil.copy(Path(folder) / "report.html", report)
    with Ledger(settings.ledger_url) as ledger:
        ledger.look(facts["test_sha256"], f"training of version {version.number}")
    return Trained(version, evaluation, report)


def _fit(kept: Trial, rows: pd.DataFrame, contract: Contract, settings: Settings) -> Pipeline:
    rung = next(r for r in ladder(contract, settings.training.seed) if r.name == kept.candidate)
    return rung.build(**kept.settings).fit(rows, rows[contract.target.name])


def _measure(
    model: Pipeline,
    kept: Trial,
    trials: list[Trial],
    frame: pd.DataFrame,
    parts: Split,
    contract: Contract,
    settings: Settings,
) -> Evaluation:
    names = classes(contract, settings.data)
    rows, test = frame.iloc[parts.train], frame.iloc[parts.test]
    threshold = None
    if contract.task == "binary":
        seen = np.isfinite(kept.guess)
        truth = truth_of(rows, contract, names)
        threshold = best_threshold(truth[seen], kept.guess[seen], settings.value)
    usual = float(rows[contract.target.name].median()) if contract.task == "regression" else 0.0
    test = test.reset_index(drop=True)
    evaluation = evaluate(model, test, contract, settings, names, threshold, usual)
    baseline = next(t for t in trials if t.candidate == "baseline")
    plain = _fit(baseline, rows, contract, settings)
    metric = METRICS[metric_name(contract, settings)]
    truth = truth_of(test, contract, names)
    return evaluation | {"baseline": safe(metric, truth, guess_of(plain, test, names))}


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
    kept: Trial,
    evaluation: Evaluation,
    frame: pd.DataFrame,
    parts: Split,
    contract: Contract,
    settings: Settings,
) -> dict[str, Any]:
    test = frame.iloc[parts.test]
    return {
        "candidate": kept.candidate,
        "settings": dict(kept.settings),
        "headline": headline(evaluation),
        "rows": len(frame),
        "train_rows": len(parts.train),
        "test_rows": len(parts.test),
        "test_sha256": bundle.digest(np.sort(fingerprints(test)).tobytes()),
        "rows_sha256": bundle.digest(np.sort(fingerprints(frame)).tobytes()),
        "git_commit": _git_commit(settings.root),
        "lock_sha256": _lock_digest(settings.root),
        "usual": typical(frame.iloc[parts.train], contract),
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
