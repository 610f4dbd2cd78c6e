"""Quality for parts of the rows: every sensitive group, every value of small categories, and the
parts that project.toml asks for.

In: test rows with truth and guess. Out: a score with its interval for each slice. A slice of too
few rows is marked as not assessed, never as fine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd

from ..data.contract import NAMED, NUMERIC, Column, Contract
from ..data.values import spelled
from ..words import counted
from .query import matching
from .scored import FEW, FEW_POSITIVES, Known, ScoredRows

MOST = 12
OTHERS, MISSING = "(others)", "(missing)"


@dataclass(frozen=True)
class SliceScore:
    """The score of a part of the rows; rates: of a sensitive group, see `ScoredRows.rates`."""

    column: str
    value: str
    rows: int
    sensitive: bool
    score: Known
    rates: dict[str, Known]


@dataclass(frozen=True)
class FloorCheck:
    """A slice that project.toml asks for, and whether it reaches its floor."""

    slice: str
    rows: int
    floor: float
    score: Known
    passed: bool
    message: str


def masks(frame: pd.DataFrame, contract: Contract) -> Iterator[tuple[str, str, bool, np.ndarray]]:
    """Yield (column, value, is sensitive, mask over the rows) of every slice looked at.

    Of a sensitive column every row is in a slice, whatever its kind; of a feature only the values
    of small categories are looked at.
    """
    for column in contract.with_role("sensitive", "feature"):
        values, sensitive = frame[column.name], column.role == "sensitive"
        if sensitive:
            values = _as_groups(values, column)
        elif column.kind not in NAMED or values.nunique() > MOST:
            continue
        named = values.astype(str)
        for value in sorted(named[values.notna()].unique()):
            yield column.name, value, sensitive, (named == value).to_numpy()


def _as_groups(values: pd.Series, column: Column) -> pd.Series:
    """Return the group of each row: at most 12 values, quarters of numbers, and who is missing."""
    if column.kind in (*NUMERIC, "date") and values.nunique() > MOST:
        quarters = pd.qcut(values, 4, duplicates="drop")
        if quarters.nunique() < 2:  # most rows have one value
            quarters = values > values.median()
        ends = values.groupby(quarters, observed=True).agg(["min", "max"]).apply(spelled)
        both = ends["min"] + " to " + ends["max"]
        groups = quarters.map(both.where(ends["min"] != ends["max"], ends["min"]))
    else:
        usual = values.value_counts().index[:MOST]
        groups = values.where(values.isin(usual), OTHERS)
    return groups.astype(object).where(values.notna() & (values != ""), MISSING)


@dataclass(frozen=True)
class SliceReport:
    """Every slice, the gaps between sensitive groups, and a sentence on what is not known."""

    slices: list[SliceScore]
    gaps: dict[str, dict[str, float | None]]
    unassessed: list[str]


def slice_scores(scored: ScoredRows) -> SliceReport:
    """Score every slice with at least 50 rows; name the smaller ones without a score."""
    slices = [
        SliceScore(
            column,
            value,
            int(mask.sum()),
            sensitive,
            scored.score(mask),
            scored.rates(mask) if sensitive else {},
        )
        for column, value, sensitive, mask in masks(scored.frame, scored.task.contract)
    ]
    return SliceReport(slices, gaps(slices, scored.task.metric_name), unassessed(scored, slices))


def gaps(slices: list[SliceScore], metric: str) -> dict[str, dict[str, float | None]]:
    """Return, by sensitive column, the largest less the smallest score and rate of its groups.

    None where fewer than two groups could be assessed.
    """
    found: dict[str, dict[str, float | None]] = {}
    for column in dict.fromkeys(part.column for part in slices if part.sensitive):
        groups = [{metric: p.score} | p.rates for p in slices if p.column == column]
        for name in groups[0]:
            values = [score.value for group in groups if (score := group[name])]
            gap = max(values) - min(values) if len(values) > 1 else None
            found.setdefault(column, {})[name] = gap
    return found


def slice_floors(scored: ScoredRows, floors: Mapping[str, float]) -> list[FloorCheck]:
    """Return whether each slice reaches its floor; floors: by condition on columns."""
    found = []
    for query, floor in floors.items():
        mask = matching(scored.frame, query, scored.task.contract)
        score, rows = scored.score(mask), int(mask.sum())
        # What cannot be assessed does not pass.
        passed, why = False, f"there are only {counted(rows, 'test row')}, too few to tell"
        if score:
            passed, why = score.value >= floor, f"the score is {score.value:.3f}"
        message = f"where {query} {why}; its floor is {floor:g}"
        found.append(FloorCheck(query, rows, floor, score, passed, message))
    return found


def unassessed(scored: ScoredRows, slices: list[SliceScore]) -> list[str]:
    """Return a sentence for each thing that was to be looked at, and about which nothing is known.

    slices: all that were looked at.
    """
    once, y_true, y_pred = np.ones((1, len(scored.y_true))), scored.y_true, scored.y_pred
    said = [
        f"{name} is no number"
        for name, score in scored.task.scores.items()
        if isnan(score(y_true, y_pred, once)[0])
    ]
    classes = scored.task.classes
    absent = [name for number, name in enumerate(classes) if not (scored.y_true == number).any()]
    said += [f"no test row is of class {', '.join(map(repr, absent))}"] if absent else []
    if len(np.unique(scored.task.groups(scored.frame))) < 2:
        said.append("all test rows are of one group: intervals say nothing")
    for column in dict.fromkeys(part.column for part in slices if part.sensitive):
        said += _uncompared(column, [p for p in slices if p.column == column], bool(classes))
    small = [f"{p.column} = {p.value}" for p in slices if not (p.sensitive or p.score)]
    if small:
        more = f" and {len(small) - 3} more" if len(small) > 3 else ""
        said.append(f"slices with too few test rows: {', '.join(small[:3])}{more}")
    return said


def _uncompared(column: str, groups: list[SliceScore], classes: bool) -> Iterator[str]:
    """Yield what is not known of the groups of a sensitive column."""
    few = [f"{p.value} ({counted(p.rows, 'row')})" for p in groups if not p.score]
    if len(groups) - len(few) < 2:
        needed = f"{FEW} test rows{' of more than one class' if classes else ''}"
        rest = f"too small: {', '.join(few)}" if few else "all rows are in one group"
        text = f"fairness by '{column}' was not assessed: it takes two groups of {needed}"
        yield f"{text}; {rest}"
        return
    if few:
        yield f"too few test rows of '{column}' = {', '.join(few)}"
    for rate in groups[0].rates:
        if sum(part.rates[rate] is not None for part in groups) < 2:
            needed = f"two groups of {FEW_POSITIVES} positive test rows"
            name = rate.replace("_", " ")
            yield f"the {name} by '{column}' was not compared: it takes {needed}"
