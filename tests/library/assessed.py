"""A small model of a made-up table with all that is measured of it, without a search or a run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from ml_lifecycle.data.split import split_rows
from ml_lifecycle.evaluation.evaluation import CandidateScore, Evaluation, SearchStep
from ml_lifecycle.evaluation.explain import example_reasons, permutation_importances
from ml_lifecycle.evaluation.scored import Judge, ScoredRows
from ml_lifecycle.evaluation.slices import slice_floors, slice_scores
from ml_lifecycle.evaluation.staleness import AgePoint
from ml_lifecycle.evaluation.task import Task
from ml_lifecycle.evaluation.value import policy_values
from ml_lifecycle.evaluation.worst_slice import worst_slice
from project.features import features
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from world import Rows, Settings

TASKS = ["binary", "multiclass", "regression"]
SEARCH = [
    SearchStep(candidate, score, best, promised, 0.1)
    for candidate, score, best, promised in [("linear", 0.7, 0.7, None), ("trees", 0.6, 0.7, 0.001)]
]
LADDER = [
    CandidateScore(candidate, score, 0.01, 0.1, "")
    for candidate, score in [("baseline", 0.5), ("linear", 0.7), ("trees", 0.71)]
]
AGES = [AgePoint(10.0 * step, "days", 0.5, 0.4, 0.6) for step in range(3)]


@dataclass(frozen=True)
class Assessed:
    """A fitted model, the test rows it was judged on, and what came out."""

    evaluation: Evaluation
    model: Pipeline
    test: pd.DataFrame
    task: Task


def small_model(rows: pd.DataFrame, task: Task) -> Pipeline:
    """Return twenty trees, fitted on typed rows."""
    kind = HistGradientBoostingRegressor
    if task.kind != "regression":
        kind = HistGradientBoostingClassifier
    steps = [("features", features(task.contract, "trees")), ("model", kind(max_iter=20))]
    return Pipeline(steps).fit(rows, rows[task.contract.target.name])


def judges(model: Pipeline, test: pd.DataFrame) -> list[Judge]:
    """Return a model as the judge of all test rows."""
    return [Judge(model, np.empty(0, dtype="uint64"), np.arange(len(test)))]


def assess(settings: Settings, typed: Rows) -> Assessed:
    """Fit a small model on the training part, and measure it on the other."""
    frame, contract = typed
    task = settings.task(contract)
    rows, test = split_rows(frame, contract, settings.data).take(frame)
    model = small_model(rows, task)
    scored = ScoredRows.of(judges(model, test), test, task, 0.4 if task.kind == "binary" else None)
    found, champion = slice_scores(scored), (scored.y_pred, scored.threshold)
    evaluation = Evaluation(
        task=task.kind,
        metric=task.metric_name,
        rows=len(test),
        groups=len(set(task.groups(test))),
        scores=scored.scores(),
        baseline=-0.6,
        calibration=scored.calibration(),
        uncalibrated=scored.calibration(2.0) if task.classes else None,
        slices=found.slices,
        gaps=found.gaps,
        slice_floors=slice_floors(scored, settings.slices),
        worst_slice=worst_slice(scored),
        unassessed=found.unassessed,
        threshold=scored.threshold,
        policies=policy_values(scored, settings.value, champion, 0.0),
        currency="EUR",
        importances=permutation_importances(judges(model, test), test, task, {"usage": 0.25}),
        visible=scored.visible(),
        examples=example_reasons(judges(model, test), scored, rows, settings.service),
        choice="linear stays",
        ladder=LADDER,
        search=SEARCH,
        min_gain=0.002,
        staleness=AGES,
    )
    return Assessed(evaluation, model, test, task)
