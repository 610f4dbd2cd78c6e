"""Table in, signed release out: split, search, fit, measure, write, register.

In: typed rows. Out: a registered version, its release folder and its pages. The steps are the body
of `train`; each lives in its own module.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .. import NAME
from ..data.check import with_target
from ..data.contract import USED, Contract, load
from ..data.read import read_table
from ..data.rows import apply
from ..data.split import Split, fingerprints, split
from ..errors import CheckFailed
from ..evaluation.assess import Evaluation, evaluate
from ..evaluation.card import card
from ..evaluation.explain import typical
from ..evaluation.problem import Problem
from ..evaluation.query import matching
from ..evaluation.report import html
from ..evaluation.scores import guess_of
from ..evaluation.staleness import staleness
from ..evaluation.value import Choice, best_constant, best_threshold
from ..ledger import Ledger
from ..release import bundle, keys, registry, tracking
from ..release.champion import serving
from ..release.evidence import fresh
from ..settings import Settings
from .calibrate import temper
from .choose import Kept, assemble, choose, ladder_of
from .facts import facts
from .features import cost
from .search import Progress, Search, search, unworried


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
    rows = apply(contract, with_target(table.frame, contract), table.name)
    return rows.reset_index(drop=True), contract


def train(
    frame: pd.DataFrame, contract: Contract, settings: Settings, progress: Progress
) -> Trained:
    """Search the ladder on `frame` (typed rows), fit the rung it keeps, measure and register it.

    Training twice on the same rows with the same settings gives the same model.
    """
    problem = Problem(contract, settings)
    keys.sign(b"", settings.root)  # a key that is missing is said before the search
    for query in settings.slices:
        matching(frame, query, contract)
    frame = frame[[column.name for column in contract.named(*USED)]]
    parts = split(frame, contract, settings)
    rows = frame.iloc[parts.train].reset_index(drop=True)
    test = frame.iloc[parts.test].reset_index(drop=True)
    found = search(rows, problem, progress)
    kept, choice = choose(found, problem)
    progress(f"fit, measure, explain and sign: {kept.candidate}", 0, 1)
    model = fit(kept, rows, problem)
    evaluation = _measure(model, kept, found, rows, test, problem)
    evaluation |= {"choice": f"{choice} {found.why}"}
    about = facts(kept, evaluation, frame, parts, problem)
    trained = _release(model, problem, frame, parts, fingerprints(rows), evaluation, about)
    progress(f"version {trained.version.number} is registered", 1, 1)
    return trained


def fit(kept: Kept, rows: pd.DataFrame, problem: Problem) -> Pipeline:
    """Return the trial's pipeline, fitted on typed training rows."""
    target = rows[problem.contract.target.name]
    with unworried():
        return assemble(kept, problem, target).fit(rows, target)


def _measure(
    model: Pipeline,
    kept: Kept,
    found: Search,
    rows: pd.DataFrame,
    test: pd.DataFrame,
    problem: Problem,
) -> Evaluation:
    """Return all that is known of the model, beside the baseline, the champion and its history."""
    names = problem.classes
    plain = None
    if kept.temperature != 1.0:
        plain = temper(guess_of(model, test, names), 1 / kept.temperature)
    evaluation = evaluate(
        model, test, problem, *_references(kept, found, problem), plain=plain,
        champion=_champion(test, problem), cost=cost(problem.contract, rows),
        reference=typical(rows, problem.contract),
    )  # fmt: skip
    baseline = guess_of(fit(Kept("baseline", {}), rows, problem), test, names)
    return evaluation | {
        "baseline": problem.metric(problem.truth(test), baseline),
        "ladder": ladder_of(found, kept),
        "search": found.history,
        "worth_going_on": found.threshold,
        "staleness": staleness(lambda window: fit(kept, window, problem), rows, test, problem),
    }


def _references(kept: Kept, found: Search, problem: Problem) -> tuple[float | None, float]:
    """Return the threshold that earns the most out of fold, and the best constant for a number."""
    if problem.contract.task == "regression":
        return None, best_constant(problem.truth(found.rows), problem.settings.value)
    if problem.contract.task == "multiclass":
        return None, 0.0
    seen = np.isfinite(kept.guess)
    truth, guess = problem.truth(found.rows)[seen], temper(kept.guess[seen], kept.temperature)
    return best_threshold(truth, guess, problem.settings.value), 0.0


def _champion(test: pd.DataFrame, problem: Problem) -> Choice | None:
    """Return the champion's guess of the test rows and its threshold, if it can be compared."""
    with Ledger(problem.settings.ledger_url) as ledger:
        version = serving(ledger)
    if version is None:
        return None
    try:
        release = registry.fetch(version, problem.settings)
    except CheckFailed:
        return None  # Who asks the gate hears of it; a new model may be the way out.
    alike = release.classes == problem.classes and set(release.contract.features) <= set(test)
    if not alike or len(fresh(test, release)) < len(test):
        return None
    return guess_of(release.model, test, release.classes), release.evaluation["threshold"]


def _release(
    model: Pipeline,
    problem: Problem,
    frame: pd.DataFrame,
    parts: Split,
    trained_on: np.ndarray,
    evaluation: Evaluation,
    about: dict[str, Any],
) -> Trained:
    settings = problem.settings
    page = html(evaluation, f"{NAME}: {about['candidate']}", settings.value.currency)
    with (
        tracking.started(about["candidate"], settings) as run_id,
        tempfile.TemporaryDirectory() as folder,
    ):
        release = Path(folder) / "release"
        bundle.write(release, model, problem, frame, parts, trained_on, evaluation, about, run_id)
        pages = {
            "report.html": page,
            "model-card.md": card(NAME, None, about, evaluation, problem.contract),
        }
        version = tracking.register(run_id, release, pages, about, evaluation, settings)
    settings.reports.mkdir(exist_ok=True)
    report = settings.reports / f"version-{version.number}.html"
    report.write_text(page, encoding="utf-8")
    with Ledger(settings.ledger_url) as ledger:
        ledger.look(about["test_sha256"], version.number, f"training of version {version.number}")
    return Trained(version, evaluation, report)
