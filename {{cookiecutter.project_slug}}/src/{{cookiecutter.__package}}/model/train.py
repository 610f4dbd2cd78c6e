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
from ..evaluation.explain import typical_row
from ..evaluation.query import matching
from ..evaluation.report import report_page
from ..evaluation.scores import predict_scores
from ..evaluation.staleness import staleness
from ..evaluation.task import Task
from ..evaluation.value import Policy, best_threshold, constant_prediction
from ..ledger import Ledger
from ..release import bundle, keys, registry, tracking
from ..release.champion import serving
from ..release.evidence import rows_not_trained_on
from ..settings import Settings
from .calibrate import apply_temperature
from .features import cost
from .lineage import lineage
from .search import Progress, Search, search, unworried
from .select import Selected, build_estimator, ladder_of, select


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
    task = Task(contract, settings)
    keys.sign(b"", settings.root)  # a key that is missing is said before the search
    for query in settings.slices:
        matching(frame, query, contract)
    frame = frame[[column.name for column in contract.with_role(*USED)]]
    parts = split(frame, contract, settings)
    rows = frame.iloc[parts.train].reset_index(drop=True)
    test = frame.iloc[parts.test].reset_index(drop=True)
    found = search(rows, task, progress)
    selected, choice = select(found, task)
    progress(f"fit, measure, explain and sign: {selected.candidate}", 0, 1)
    model = fit(selected, rows, task)
    evaluation = _measure(model, selected, found, rows, test, task)
    evaluation |= {"choice": f"{choice} {found.why}"}
    about = lineage(selected, evaluation, frame, parts, task)
    trained = _release(model, task, frame, parts, fingerprints(rows), evaluation, about)
    progress(f"version {trained.version.number} is registered", 1, 1)
    return trained


def fit(selected: Selected, rows: pd.DataFrame, task: Task) -> Pipeline:
    """Return the trial's pipeline, fitted on typed training rows."""
    target = rows[task.contract.target.name]
    with unworried():
        return build_estimator(selected, task, target).fit(rows, target)


def _measure(
    model: Pipeline,
    selected: Selected,
    found: Search,
    rows: pd.DataFrame,
    test: pd.DataFrame,
    task: Task,
) -> Evaluation:
    """Return all that is known of the model, beside the baseline, the champion and its history."""
    names = task.classes
    plain = None
    if selected.temperature != 1.0:
        plain = apply_temperature(predict_scores(model, test, names), 1 / selected.temperature)
    evaluation = evaluate(
        model, test, task, *_references(selected, found, task), plain=plain,
        champion=_champion(test, task), cost=cost(task.contract, rows),
        reference=typical_row(rows, task.contract),
    )  # fmt: skip
    baseline = predict_scores(fit(Selected("baseline", {}), rows, task), test, names)
    return evaluation | {
        "baseline": task.metric(task.y_true(test), baseline),
        "ladder": ladder_of(found, selected),
        "search": found.history,
        "min_gain": found.min_gain,
        "staleness": staleness(lambda window: fit(selected, window, task), rows, test, task),
    }


def _references(selected: Selected, found: Search, task: Task) -> tuple[float | None, float]:
    """Return the threshold that earns the most out of fold, and the best constant for a number."""
    if task.contract.task == "regression":
        return None, constant_prediction(task.y_true(found.rows), task.settings.value)
    if task.contract.task == "multiclass":
        return None, 0.0
    seen = np.isfinite(selected.y_pred)
    y_true, y_pred = (
        task.y_true(found.rows)[seen],
        apply_temperature(selected.y_pred[seen], selected.temperature),
    )
    return best_threshold(y_true, y_pred, task.settings.value), 0.0


def _champion(test: pd.DataFrame, task: Task) -> Policy | None:
    """Return the champion's guess of the test rows and its threshold, if it can be compared."""
    with Ledger(task.settings.ledger_url) as ledger:
        version = serving(ledger)
    if version is None:
        return None
    try:
        release = registry.fetch(version, task.settings)
    except CheckFailed:
        return None  # Who asks the gate hears of it; a new model may be the way out.
    alike = release.classes == task.classes and set(release.contract.features) <= set(test)
    if not alike or len(rows_not_trained_on(test, release)) < len(test):
        return None
    return predict_scores(release.model, test, release.classes), release.evaluation["threshold"]


def _release(
    model: Pipeline,
    task: Task,
    frame: pd.DataFrame,
    parts: Split,
    trained_on: np.ndarray,
    evaluation: Evaluation,
    about: dict[str, Any],
) -> Trained:
    settings = task.settings
    page = report_page(evaluation, f"{NAME}: {about['candidate']}", settings.value.currency)
    with (
        tracking.started(about["candidate"], settings) as run_id,
        tempfile.TemporaryDirectory() as folder,
    ):
        release = Path(folder) / "release"
        bundle.write(release, model, task, frame, parts, trained_on, evaluation, about, run_id)
        pages = {
            "report.html": page,
            "model-card.md": card(NAME, None, about, evaluation, task.contract),
        }
        version = tracking.register(run_id, release, pages, about, evaluation, settings)
    settings.reports.mkdir(exist_ok=True)
    report = settings.reports / f"version-{version.number}.html"
    report.write_text(page, encoding="utf-8")
    with Ledger(settings.ledger_url) as ledger:
        ledger.look(about["test_sha256"], version.number, f"training of version {version.number}")
    return Trained(version, evaluation, report)
