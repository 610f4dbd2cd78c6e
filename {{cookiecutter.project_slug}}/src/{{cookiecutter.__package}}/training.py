"""Table in, signed release out: split, search, select, judge, fit again, log, register.

In: typed rows. Out: a registered version with its report. The steps are the body of `train`, in
their order; MLflow's run is `log`. What is judged has not seen the test rows; what serves is the
same pipeline, fitted again on all rows.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_lifecycle import Progress, code_digest, counted, sha256
from ml_lifecycle.data import Contract, row_hashes, split_rows
from ml_lifecycle.evaluation import Evaluation, Judge, Task, query
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.model import Selected, fit, search, select
from ml_lifecycle.release import Lineage, Trained, write_release

from . import LIBRARY
from .candidates import TRUST, ladder
from .card import card
from .evaluation import evaluate
from .settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

HERE = Path(__file__).parent
# What decides how a model is made. A release carries the digest of each: where all are the
# champion's, a model of newer rows is a refresh, and else a change, of which the gate asks more.
RECIPE_FILES = ("features.py", "candidates.py", "training.py")
RECIPE_SETTINGS = ("data", "training", "value")


@dataclass(frozen=True)
class Version:
    """What training leaves behind: a registered version, what is known of it, and its report."""

    number: int
    evaluation: Evaluation
    report: Path
    left_out: int = 0

    @property
    def summary(self) -> str:
        """What a person reads when training is over."""
        known = self.evaluation
        lines = [known.choice, f"Version {self.number}: {known.headline}", known.judged]
        if self.left_out:
            lines.append(f"Left out by [data] exclude: {counted(self.left_out, 'row')}")
        lines += [f"Not known: {said}." for said in known.unassessed]
        lines += [f"Look at [value]: {said}." for said in known.losing]
        return "\n".join([*lines, f"Look at reports/{self.report.name}"])


def train(
    frame: pd.DataFrame, contract: Contract, settings: Settings, progress: Progress
) -> Version:
    """Search the ladder on typed rows, judge the candidate it selects, fit it again, register it.

    Training twice on the same rows with the same settings gives the same model: trials are
    remembered with the seconds that they took, and those are what the budget counts.
    """
    project, task = settings.project, settings.task(contract)
    settings.registry.check_key()  # what is missing is said before the search
    for condition in settings.slices:
        query.matching(frame, condition, contract)  # so is a condition that cannot be read
    broken = query.left_out(frame, settings.data.exclude, contract)
    frame = frame.loc[~broken, contract.used].reset_index(drop=True)
    # 1. The last part of time, or whole groups, or a share of the rows are tested on. With time and
    # groups both that is all late rows, and each is judged by a model of other groups' early rows.
    split = split_rows(frame, contract, settings.data)
    rows, test = split.take(frame)
    # 2. Cross-validate the candidates, in folds that respect time and groups, until the expected
    # improvement of one more trial is below `min_gain`, or the budget is spent. Keep the simplest
    # that is not surely beaten, or a blend that is as good, calibrated by a temperature.
    code = code_digest(HERE)
    found = search(rows, task, ladder, settings.training, project.cache, code, progress)
    selection = select(found, task)
    trial = selection.trial
    # 3. Judge it: fitted on the training rows, measured on the test rows.
    progress(f"fit, measure, explain and sign: {trial.candidate}", 0, 1)
    judges = [
        judge(trial, frame, fitted, judged, split.test, task) for fitted, judged in split.folds
    ]
    # 4. Fit it again: what serves has learnt from every row, the newest too.
    refit = settings.training.refit
    if refit or len(judges) > 1:
        learnt = frame if refit else rows
        model, marks = fit(trial, ladder, learnt, task), row_hashes(learnt)
    else:
        model, marks = judges[0].model, judges[0].seen
    said = what_serves(judges, len(marks), refit)
    evaluation = evaluate(judges, selection, rows, test, said, settings)
    made_of = Lineage.of(
        project.root,
        trial.candidate,
        trial.params,
        evaluation.headline,
        frame,
        split,
        contract,
        len(marks),
        recipe(settings, contract),
    )
    # 5. Sign it, log it and register it.
    trained = Trained(model, judges, task, frame, split, marks, evaluation, made_of)
    version = replace(register(trained, settings), left_out=int(broken.sum()))
    progress(f"version {version.number} is registered", 1, 1)
    return version


def judge(
    trial: Selected,
    frame: pd.DataFrame,
    fitted: np.ndarray,
    judged: np.ndarray,
    test: np.ndarray,
    task: Task,
) -> Judge:
    """Return a fit on some rows, with their fingerprints, and which of the test rows it judges."""
    rows = frame.iloc[fitted].reset_index(drop=True)
    return Judge(fit(trial, ladder, rows, task), row_hashes(rows), np.searchsorted(test, judged))


def what_serves(judges: Sequence[Judge], rows: int, refit: bool) -> str:
    """Return the sentence that says what was judged, and what serves: fitted on so many `rows`."""
    least, tested = min(len(one.seen) for one in judges), sum(len(one.rows) for one in judges)
    by = f"a model of {least:,} others"
    if len(judges) > 1:
        by = f"{len(judges)} models of {least:,} earlier ones or more, each of other groups"
    serves = "the same pipeline, fitted again on all" if refit else "a fit on"
    return f"Judged: {tested:,} rows, by {by}. What serves: {serves} {rows:,} rows."


def recipe(settings: Settings, contract: Contract) -> dict[str, str]:
    """Return the digest of each part of what decides how a model is made."""
    parts = {name: (HERE / name).read_bytes() for name in RECIPE_FILES}
    parts |= {"contract.yaml": contract.model_dump_json(exclude={"table"}).encode()}
    for name in RECIPE_SETTINGS:
        section = getattr(settings, name).model_dump_json(exclude={"source", "exclude"})
        parts[f"[{name}]"] = section.encode()
    return {name: sha256(content) for name, content in parts.items()} | {"library": LIBRARY}


def register(trained: Trained, settings: Settings) -> Version:
    """Write the signed release into a run of MLflow, register it, and write its report."""
    from ml_lifecycle.pages import report_page

    project, registry, made_of = settings.project, settings.registry, trained.lineage
    page = report_page(trained.evaluation, project, f"{project.name}: {made_of.candidate}")
    with registry.start_run(made_of.candidate) as run, tempfile.TemporaryDirectory() as folder:
        release = Path(folder) / "release"
        write_release(release, trained, project, TRUST, settings.service, run.info.run_id)
        log(registry.client(), run, trained)
        registry.client().log_text(run.info.run_id, page, "report.html")
        text = card(project, None, made_of, trained.evaluation, trained.task.contract)
        registry.client().log_text(run.info.run_id, text, "model-card.md")
        version = registry.register(run, release, made_of.headline)
    report = project.reports / f"version-{version.number}.html"
    report.write_text(page, encoding="utf-8")
    with Ledger(project.ledger_url) as ledger:
        ledger.look(made_of.test_sha256, version.number, f"training of version {version.number}")
    return Version(version.number, trained.evaluation, report)


def log(client: "MlflowClient", run: "Run", trained: Trained) -> None:
    """Log a training: scores and the search's steps, parameters, and what it was made of."""
    from mlflow.entities import Metric, Param, RunTag

    evaluation, made_of, start = trained.evaluation, trained.lineage, run.info.start_time
    scores = {name: score.value for name, score in evaluation.scores.items()}
    metrics = [Metric(name, value, start, 0) for name, value in scores.items()]
    metrics.append(Metric("baseline", evaluation.baseline, start, 0))
    for step, tried in enumerate(evaluation.search):
        metrics.append(Metric("search_score", tried.score, start, step))
        metrics.append(Metric("search_best", tried.best, start, step))
        metrics.append(Metric("search_seconds", tried.seconds, start, step))
    params = {"candidate": made_of.candidate, "rows": made_of.rows, **made_of.params}
    tags = ("rows_sha256", "test_sha256", "git_commit", "lock_sha256")
    client.log_batch(
        run.info.run_id,
        metrics=metrics,
        params=[Param(name, str(value)) for name, value in params.items()],
        tags=[RunTag(name, getattr(made_of, name)) for name in tags],
    )
