"""Test rows as models see them that were not fitted on them: what all of this wing is taken from.

In: fitted models, each with the rows that it judges, and the task. Out: `ScoredRows`. A score of
too few rows is None: not assessed, never fine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..estimators import apply_temperature
from .scores import (
    PLAIN,
    Calibration,
    Interval,
    WeightedScore,
    bootstrap_weights,
    calibration,
    interval,
    losses,
    predict_scores,
)
from .task import Task

FEW = 50
FEW_POSITIVES = 20
SMALL = 0.05  # a share too small to be seen among the reasons
Known = Interval | None  # None where there are too few rows to tell


@dataclass(frozen=True)
class Judge:
    """A fitted model that judges some test rows.

    seen: fingerprints, uint64, of what it was fitted on; rows: positions of what it judges.
    """

    model: Pipeline
    seen: np.ndarray
    rows: np.ndarray


def judged(judges: Sequence[Judge], frame: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Return what is said of typed test rows, of each by its judge; see `predict_scores`."""
    parts = [predict_scores(one.model, frame.iloc[one.rows], names) for one in judges]
    order = np.argsort(np.concatenate([one.rows for one in judges]), kind="stable")
    return np.concatenate(parts)[order]


def truth(classes: tuple[str, ...], given: pd.Series) -> np.ndarray:
    """Return (rows,) float64: class numbers or values; NaN where it is no known class, no number.

    given: outcomes as the ledger keeps them, or a target as rows have it.
    """
    if classes:
        numbers = {name: float(number) for number, name in enumerate(classes)}
        return given.astype(object).map(numbers).to_numpy("float64")
    return pd.to_numeric(given, errors="coerce").to_numpy("float64")


def served_scores(classes: tuple[str, ...], rows: pd.DataFrame) -> np.ndarray:
    """Return y_pred of served rows, whose prediction and probabilities the ledger keeps."""
    if not classes:
        return rows["prediction"].to_numpy("float64")
    names = list(classes)
    y_pred = pd.DataFrame(list(rows["probabilities"]), columns=names).to_numpy("float64")
    return y_pred[:, 1] if len(names) == 2 else y_pred


def served_losses(classes: tuple[str, ...], rows: pd.DataFrame) -> np.ndarray:
    """Return the loss of each served row; NaN where the outcome is no known class, or no number.

    rows: prediction, probabilities (by class) and outcome, as the ledger keeps them.
    """
    y_true, y_pred = truth(classes, rows["outcome"]), served_scores(classes, rows)
    kept, loss = ~np.isnan(y_true), np.full(len(y_true), np.nan)
    loss[kept] = losses(y_true[kept], y_pred[kept])
    return loss


@dataclass(frozen=True)
class ScoredRows:
    """Test rows as a model sees them; weights: (draws, rows), the bootstrap that all share."""

    frame: pd.DataFrame
    task: Task
    y_true: np.ndarray
    y_pred: np.ndarray
    threshold: float | None
    weights: np.ndarray

    @classmethod
    def of(
        cls, judges: Sequence[Judge], frame: pd.DataFrame, task: Task, threshold: float | None
    ) -> "ScoredRows":
        """Return typed rows with what is said of them; threshold: acted from there on."""
        y_pred = judged(judges, frame, task.classes)
        weights = bootstrap_weights(task.groups(frame))
        return cls(frame, task, task.y_true(frame), y_pred, threshold, weights)

    def measure(self) -> float:
        """Return the metric to maximise, of all rows."""
        return self.task.measure(self.y_true, self.y_pred)

    def scores(self) -> dict[str, Interval]:
        """Return every score of the task with its 95 % interval."""
        return {
            name: interval(score, self.y_true, self.y_pred, self.weights)
            for name, score in self.task.scores.items()
        }

    def calibration(self, temperature: float = 1.0) -> Calibration:
        """Return what was said and what came; temperature: as if calibrated so once more."""
        y_pred = self.y_pred if temperature == 1.0 else apply_temperature(self.y_pred, temperature)
        return calibration(self.y_true, y_pred)

    def visible(self) -> float:
        """Return the least move of a prediction worth a word, in its unit.

        A share of the range that 80 % of the predictions lie in; for classes the mean over them.
        """
        low, high = np.quantile(self.y_pred, [0.1, 0.9], axis=0)
        return SMALL * float(np.mean(high - low))

    def score(self, mask: np.ndarray) -> Known:
        """Return the score and its bounds where `mask` holds, None for few rows or one class."""
        return self._known(self.task.score, self.y_pred, mask, FEW)

    def rates(self, mask: np.ndarray) -> dict[str, Known]:
        """Return what fairness compares besides the score, where `mask` holds."""
        if self.task.kind == "multiclass":
            return {}
        if self.task.kind == "regression":
            return {"mean_error": self._known(PLAIN, self.y_pred - self.y_true, mask, FEW)}
        acted, positive = self.y_pred >= self.threshold, self.y_true == 1
        return {
            "selection_rate": self._known(PLAIN, acted, mask, FEW),
            "true_positive_rate": self._known(PLAIN, acted, mask & positive, FEW_POSITIVES),
        }

    def _known(
        self, score: WeightedScore, said: np.ndarray, mask: np.ndarray, fewest: int
    ) -> Known:
        if mask.sum() < fewest:
            return None
        found = interval(score, self.y_true[mask], said[mask], self.weights[:, mask])
        return found if np.isfinite(found.value) else None
