"""Test rows with predictions as a test wants them, without a model."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.evaluation.scored import ScoredRows
from ml_lifecycle.evaluation.scores import bootstrap_weights
from ml_lifecycle.evaluation.task import Task


@pytest.fixture(scope="session")
def scored() -> Callable[[pd.DataFrame, np.ndarray, np.ndarray], ScoredRows]:
    """Rows of sensitive `s` (category) and features `x` (number) and `% of kind`, if there."""

    def make(frame: pd.DataFrame, y_pred: np.ndarray, y_true: np.ndarray) -> ScoredRows:
        target = Column(name="y", kind="category", role="target", categories=("n", "y"))
        columns = [Column(name="s", kind="category", role="sensitive")] if "s" in frame else []
        columns += [Column(name=n, kind="number") for n in frame.columns if n == "x"]
        columns += [Column(name=n, kind="category") for n in frame.columns if n == "% of kind"]
        contract = Contract(table={}, columns=(*columns, target))
        task = Task(contract, metric="neg_brier_score")
        return ScoredRows(
            frame, task, y_true, y_pred, 0.5, bootstrap_weights(np.arange(len(frame)))
        )

    return make
