"""The test rows of a release as numbers: what windows are compared with beyond single columns.

In: a release. Out: a `Baseline`. All of it is in the signed files, so a check needs no table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.contract import NAMED, NUMERIC, Column, Contract
from ..evaluation.scored import truth
from ..evaluation.scores import losses, predict_scores
from ..evaluation.task import groups_of
from ..release.bundle import Release, holdout, judgement

DAY = 86_400  # seconds
Coder = Callable[[pd.Series], np.ndarray]


@dataclass(frozen=True)
class Baseline:
    """What is known of the test rows.

    coders: by column, from typed values to scores, (rows,) float64 of mean 0 and variance 1 in the
    test rows; codes: (rows, columns) these of the test rows; y_true, y_pred: see `scores`; loss:
    (rows,) of each; middle: see there.
    """

    coders: dict[str, Coder]
    codes: np.ndarray
    y_true: np.ndarray
    y_pred: np.ndarray
    loss: np.ndarray
    middle: float = float("nan")

    def code(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the scores of typed rows, (rows, columns)."""
        return _coded(self.coders, frame)


def _coded(coders: dict[str, Coder], frame: pd.DataFrame) -> np.ndarray:
    coded = [coder(frame[name]) for name, coder in coders.items()]
    return np.column_stack(coded) if coded else np.empty((len(frame), 0))


def baseline(release: Release) -> Baseline:
    """Read the test rows of a release, and what was said of them by who had not seen them."""
    frame, known, contract = holdout(release), judgement(release), release.contract
    said = known.y_pred if known else predict_scores(release.model, frame, release.classes)
    y_true = truth(release.classes, frame[contract.target.name])
    kept, moment = ~np.isnan(y_true), middle(frame, contract)
    # Rows of one group are alike: each group speaks once.
    kept &= first_of_group(frame, contract)
    frame, y_true, y_pred = frame[kept], y_true[kept], said[kept]
    coders = {
        column.name: coder
        for column in _compared(contract)
        if (coder := _coder(frame[column.name], column)) is not None
    }
    codes, loss = _coded(coders, frame), losses(y_true, y_pred)
    return Baseline(coders, codes, y_true, y_pred, loss, moment)


def first_of_group(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return, (rows,) bool, the first row of each group; all, where there are no groups."""
    groups = groups_of(frame, contract.group if contract.group in frame else "")
    return ~pd.Series(groups).duplicated().to_numpy()


def middle(frame: pd.DataFrame, contract: Contract) -> float:
    """Return the median moment of typed rows: days for dates, else the column's own unit.

    NaN where rows do not say their time.
    """
    name = contract.time
    if not name or name not in frame or frame[name].isna().all():
        return float("nan")
    moment = frame[name].dropna().median()
    return moment.timestamp() / DAY if isinstance(moment, pd.Timestamp) else float(moment)


def _compared(contract: Contract) -> list[Column]:
    return [
        column
        for column in contract.with_role("feature")
        if column.kind in (*NUMERIC, *NAMED) and not column.follows_time
    ]


def _coder(values: pd.Series, column: Column) -> Coder | None:
    """Return how values become mid-ranks among the test rows; None where all are alike.

    Categories are ranked from the commonest; missing values and unknown categories are 0.
    """
    order = pd.Series(dtype="float64")
    if column.kind not in NUMERIC:
        counted = values.dropna().astype(str).value_counts()
        order = pd.Series(np.arange(len(counted), dtype="float64"), counted.index)

    def number(some: pd.Series) -> np.ndarray:
        if column.kind in NUMERIC:
            return some.to_numpy("float64", na_value=np.nan)
        return some.astype(object).map(order).to_numpy("float64")

    known = np.sort(number(values))
    known = known[~np.isnan(known)]
    ranks = _ranks(known, known)
    scale = ranks.std() * np.sqrt(len(ranks) / max(len(values), 1)) if len(ranks) else 0.0
    if not scale:
        return None
    return lambda some: _ranks(known, number(some)) / scale


def _ranks(known: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return mid-ranks of numbers among known ones, -1/2 to 1/2; 0 where there is no number."""
    low, high = (np.searchsorted(known, numbers, side) for side in ("left", "right"))
    found = (low + high) / (2 * len(known)) - 0.5
    return np.where(np.isnan(numbers), 0.0, found)
