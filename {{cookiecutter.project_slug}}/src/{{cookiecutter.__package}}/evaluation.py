"""What is measured of a model, for whom it works, and what it is worth.

In: test rows and the models that judge them, which have not seen them. Out: an `Evaluation`: the
report, the model card, the gate and the service read it. A measure of your own is a line in `more`
below.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from ml_lifecycle.data import row_hashes
from ml_lifecycle.evaluation import (
    Evaluation,
    Judge,
    ScoredRows,
    best_threshold,
    constant_prediction,
    explain,
    policy_values,
    slice_floors,
    slice_scores,
    staleness_curve,
    worst_slice,
)
from ml_lifecycle.model import Selected, Selection, feature_cost, fit
from ml_lifecycle.release import champion

from .candidates import BASELINE, ladder
from .features import features
from .settings import Settings


def evaluate(
    judges: Sequence[Judge],
    selection: Selection,
    rows: pd.DataFrame,
    test: pd.DataFrame,
    judged: str,
    settings: Settings,
) -> Evaluation:
    """Measure what the judges, fitted on `rows` or a part of them, say of `test`; typed rows.

    The threshold is chosen on rows of the search, out of fold: never on the test rows. judged: what
    was judged and what serves, in a sentence.
    """
    task, trial = selection.task, selection.trial
    threshold, constant = acting(selection, settings)
    scored = ScoredRows.of(judges, test, task, threshold)
    baseline = fit(Selected(BASELINE, {}), ladder, rows, task)
    everywhere = Judge(baseline, row_hashes(rows), np.arange(len(test)))
    slices = slice_scores(scored)
    return Evaluation(
        task=task.kind,
        metric=task.metric_name,
        rows=len(test),
        groups=len(np.unique(task.groups(test))),
        # How good: every score of the task, beside a model that ignores the features.
        scores=scored.scores(),
        baseline=ScoredRows.of([everywhere], test, task, None).measure(),
        calibration=scored.calibration(),
        uncalibrated=scored.calibration(1 / trial.temperature) if trial.temperature != 1 else None,
        # For whom: sensitive groups, values of categories, the slices of project.toml.
        slices=slices.slices,
        gaps=slices.gaps,
        slice_floors=slice_floors(scored, settings.slices),
        worst_slice=worst_slice(scored),
        unassessed=slices.unassessed,
        # What for: money per row, beside treating none, treating all, and the champion.
        threshold=threshold,
        policies=policy_values(
            scored,
            settings.value,
            champion.champion_policy(settings.registry, test, task),
            constant,
        ),
        currency=settings.value.currency,
        # Why: what features are worth and cost, and three rows explained.
        importances=explain.permutation_importances(
            judges, test, task, feature_cost(partial(features, style="trees"), rows, task.contract)
        ),
        visible=scored.visible(),
        examples=explain.example_reasons(judges, scored, rows, settings.service),
        # How it came to be, and how it ages.
        choice=selection.reason,
        ladder=selection.ladder,
        search=selection.history,
        min_gain=selection.search.min_gain,
        staleness=staleness_curve(
            partial(fit, trial, ladder, task=task),
            rows[np.isin(row_hashes(rows), judges[0].seen)],
            test.iloc[judges[0].rows],
            task,
        ),
        judged=judged,
        more={},
    )


def acting(selection: Selection, settings: Settings) -> tuple[float | None, float]:
    """Return the probability from which acting earns the most, and the best constant prediction.

    Of two classes there is a threshold; of numbers a constant, which the model is compared with.
    """
    if selection.task.kind == "regression":
        return None, constant_prediction(selection.y_true, settings.value)
    if selection.task.kind == "multiclass":
        return None, 0.0
    return best_threshold(selection.y_true, selection.y_pred, settings.value), 0.0
