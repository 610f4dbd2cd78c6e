"""Quality for parts of the rows: every sensitive group, and every value of small categories.

In: test rows with truth and guess. Out: a score with its interval for each slice. A slice of too
few rows is marked as not assessed, never as fine.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.contract import NUMERIC, Contract
from .problem import Problem
from .scores import Interval, interval

FEW = 50
MOST = 12


@dataclass(frozen=True)
class Slice:
    """One part of the rows. score is None where there are too few rows to tell."""

    column: str
    value: str
    rows: int
    sensitive: bool
    score: Interval | None


def masks(frame: pd.DataFrame, contract: Contract) -> Iterator[tuple[str, str, bool, np.ndarray]]:
    """Yield (column, value, is sensitive, mask over the rows) of every slice looked at."""
    for column in contract.named("sensitive", "feature"):
        values = frame[column.name]
        if column.kind in NUMERIC:
            if column.role != "sensitive":
                continue
            values = pd.qcut(values, 4, duplicates="drop").astype(str)
        elif column.kind not in ("category", "boolean") or values.nunique() > MOST:
            continue
        for value in sorted(values.dropna().astype(str).unique()):
            mask = (values.astype(str) == value).to_numpy()
            yield column.name, value, column.role == "sensitive", mask


def slices(
    frame: pd.DataFrame, problem: Problem, truth: np.ndarray, guess: np.ndarray
) -> list[Slice]:
    """Score every slice with at least 50 rows; name the smaller ones without a score."""
    groups, found = problem.groups(frame), []
    for column, value, sensitive, mask in masks(frame, problem.contract):
        rows, score = int(mask.sum()), None
        if rows >= FEW:
            score = interval(problem.metric, truth[mask], guess[mask], groups[mask])
            score = score if np.isfinite(score.value) else None
        found.append(Slice(column, value, rows, sensitive, score))
    return found


def gaps(found: list[Slice]) -> dict[str, float]:
    """Return, by sensitive column with two assessed groups or more, the best minus the worst."""
    columns = {s.column for s in found if s.sensitive}
    scores = {c: [s.score.value for s in found if s.column == c and s.score] for c in columns}
    return {c: max(values) - min(values) for c, values in sorted(scores.items()) if len(values) > 1}
