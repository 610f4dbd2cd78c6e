"""The test rows of a release as numbers: what windows are compared with beyond single columns.

In: a release. Out: a `Baseline`. All of it is in the signed files, so a check needs no table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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


def baseline(release: Release, rows: np.ndarray | None = None) -> Baseline:
    """Read the test rows of a release, and what was said of them by who had not seen them.

    rows: (test rows,) bool, those that count; None: all.
    """
    frame, known, contract = holdout(release), judgement(release), release.contract
    said = known.y_pred if known else predict_scores(release.model, frame, release.classes)
    y_true = truth(release.classes, frame[contract.target.name])
    kept, moment = ~np.isnan(y_true), middle(frame, contract)
    kept &= True if rows is None else rows
    # Rows of one group are alike: each group speaks once.
    kept[kept] = one_of_group(frame[kept], contract)
    frame, y_true, y_pred = frame[kept], y_true[kept], said[kept]
    coders = {
        column.name: coder
        for column in _compared(contract)
        if (coder := _coder(frame[column.name], column, cells(release, column))) is not None
    }
    codes, loss = _coded(coders, frame), losses(y_true, y_pred)
    return Baseline(coders, codes, y_true, y_pred, loss, moment)


def one_of_group(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return, (rows,) bool, one row of each group, any of them; all, where there are no groups."""
    groups = groups_of(frame, contract.group if contract.group in frame else "")
    order = np.random.default_rng(0).permutation(len(frame))
    chosen = order[~pd.Series(groups[order]).duplicated().to_numpy()]
    return np.isin(np.arange(len(frame)), chosen)


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


def cells(release: Release, column: Column) -> Sequence[Any]:
    """Return the values of a category from the commonest of the training rows; of numbers, bins."""
    profile = release.reference.columns.get(column.name)
    return profile.counts["value"].cells if profile and "value" in profile.counts else ()


def _coder(values: pd.Series, column: Column, known: Sequence[Any]) -> Coder | None:
    """Return how values become mid-ranks among the test rows; None where all are alike.

    Categories are ranked from the commonest of the training rows: what was the commonest of the
    test rows by chance would seem to fall in each window. Missing values are 0.
    """
    order = pd.Series(np.arange(len(known), dtype="float64"), [*map(str, known)])

    def number(some: pd.Series) -> np.ndarray:
        if column.kind in NUMERIC:
            return some.to_numpy("float64", na_value=np.nan)
        ranked = some.dropna().astype(str).map(order).fillna(len(known))
        return ranked.reindex(some.index).to_numpy("float64")

    there = np.sort(number(values))
    there = there[~np.isnan(there)]
    ranks = _ranks(there, there)
    scale = ranks.std() * np.sqrt(len(ranks) / max(len(values), 1)) if len(ranks) else 0.0
    if not scale:
        return None
    return lambda some: _ranks(there, number(some)) / scale


def _ranks(known: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return mid-ranks of numbers among known ones, -1/2 to 1/2; 0 where there is no number."""
    low, high = (np.searchsorted(known, numbers, side) for side in ("left", "right"))
    found = (low + high) / (2 * len(known)) - 0.5
    return np.where(np.isnan(numbers), 0.0, found)
