"""Quality for parts of the rows: every sensitive group, every value of small categories, and the
parts that project.toml asks for.

In: test rows with truth and guess. Out: a score with its interval for each slice. A slice of too
few rows is marked as not assessed, never as fine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from ..data.contract import NAMED, NUMERIC, Column, Contract
from ..data.values import spelled
from ..words import counted
from .query import matching
from .scores import PLAIN, WEIGHTED, Interval, Weighted, interval
from .task import Task

FEW = 50
FEW_POSITIVES = 20
MOST = 12
OTHERS, MISSING = "(others)", "(missing)"
Part = dict[str, Any]  # JSON-ready; a score is None where there are too few rows to tell
Known = Interval | None


@dataclass(frozen=True)
class ScoredRows:
    """Test rows as a model sees them; weights: (draws, rows), the bootstrap that all share."""

    frame: pd.DataFrame
    task: Task
    y_true: np.ndarray
    y_pred: np.ndarray
    threshold: float | None
    weights: np.ndarray

    def score(self, mask: np.ndarray) -> Known:
        """Return the score and its bounds where `mask` holds, None for few rows or one class."""
        return self._known(WEIGHTED[self.task.metric_name], self.y_pred, mask, FEW)

    def rates(self, mask: np.ndarray) -> dict[str, Known]:
        """Return what fairness compares besides the score, where `mask` holds."""
        kind = self.task.contract.task
        if kind == "multiclass":
            return {}
        if kind == "regression":
            return {"mean_error": self._known(PLAIN, self.y_pred - self.y_true, mask, FEW)}
        acted, positive = self.y_pred >= self.threshold, self.y_true == 1
        return {
            "selection_rate": self._known(PLAIN, acted, mask, FEW),
            "true_positive_rate": self._known(PLAIN, acted, mask & positive, FEW_POSITIVES),
        }

    def _known(self, score: Weighted, said: np.ndarray, mask: np.ndarray, fewest: int) -> Known:
        if mask.sum() < fewest:
            return None
        found = interval(score, self.y_true[mask], said[mask], self.weights[:, mask])
        return found if np.isfinite(found["value"]) else None


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


def slices(scored: ScoredRows) -> list[Part]:
    """Score every slice with at least 50 rows; name the smaller ones without a score.

    rates: of a sensitive group of two classes the share acted on and the share of positives found,
    of a sensitive group with numbers to predict the mean error.
    """
    return [
        {
            "column": column,
            "value": value,
            "rows": int(mask.sum()),
            "sensitive": sensitive,
            "score": scored.score(mask),
            "rates": scored.rates(mask) if sensitive else {},
        }
        for column, value, sensitive, mask in masks(scored.frame, scored.task.contract)
    ]


def gaps(parts: list[Part], metric: str) -> dict[str, dict[str, float | None]]:
    """Return, by sensitive column, the largest less the smallest score and rate of its groups.

    None where fewer than two groups could be assessed.
    """
    found: dict[str, dict[str, float | None]] = {}
    for column in dict.fromkeys(part["column"] for part in parts if part["sensitive"]):
        groups = [{metric: p["score"]} | p["rates"] for p in parts if p["column"] == column]
        for name in groups[0]:
            values = [group[name]["value"] for group in groups if group[name]]
            gap = max(values) - min(values) if len(values) > 1 else None
            found.setdefault(column, {})[name] = gap
    return found


def slice_floors(scored: ScoredRows) -> list[Part]:
    """Return rows, score and floor of each slice under [slices], if it is met, and a sentence."""
    found = []
    for query, floor in scored.task.settings.slices.items():
        mask = matching(scored.frame, query, scored.task.contract)
        score, rows = scored.score(mask), int(mask.sum())
        # What cannot be assessed does not pass.
        passed, why = False, f"there are only {counted(rows, 'test row')}, too few to tell"
        if score:
            passed, why = score["value"] >= floor, f"the score is {score['value']:.3f}"
        said = f"where {query} {why}; its floor is {floor:g}"
        part = {"slice": query, "rows": rows, "floor": floor, "score": score}
        found.append(part | {"passed": passed, "message": said})
    return found


def unassessed(scored: ScoredRows, parts: list[Part], scores: Mapping[str, Interval]) -> list[str]:
    """Return a sentence for each thing that was to be looked at, and about which nothing is known.

    parts: as `slices` returns them; scores: of all rows, by metric.
    """
    said = [f"{name} is no number" for name, score in scores.items() if isnan(score["value"])]
    classes = scored.task.classes
    absent = [name for number, name in enumerate(classes) if not (scored.y_true == number).any()]
    said += [f"no test row is of class {', '.join(map(repr, absent))}"] if absent else []
    if len(np.unique(scored.task.groups(scored.frame))) < 2:
        said.append("all test rows are of one group: intervals say nothing")
    for column in dict.fromkeys(part["column"] for part in parts if part["sensitive"]):
        said += _uncompared(column, [p for p in parts if p["column"] == column], bool(classes))
    small = [f"{p['column']} = {p['value']}" for p in parts if not (p["sensitive"] or p["score"])]
    if small:
        more = f" and {len(small) - 3} more" if len(small) > 3 else ""
        said.append(f"slices with too few test rows: {', '.join(small[:3])}{more}")
    return said


def _uncompared(column: str, groups: list[Part], classes: bool) -> Iterator[str]:
    """Yield what is not known of the groups of a sensitive column."""
    few = [f"{p['value']} ({counted(p['rows'], 'row')})" for p in groups if not p["score"]]
    if len(groups) - len(few) < 2:
        needed = f"{FEW} test rows{' of more than one class' if classes else ''}"
        rest = f"too small: {', '.join(few)}" if few else "all rows are in one group"
        text = f"fairness by '{column}' was not assessed: it takes two groups of {needed}"
        yield f"{text}; {rest}"
        return
    if few:
        yield f"too few test rows of '{column}' = {', '.join(few)}"
    for rate in groups[0]["rates"]:
        if sum(part["rates"][rate] is not None for part in groups) < 2:
            needed = f"two groups of {FEW_POSITIVES} positive test rows"
            name = rate.replace("_", " ")
            yield f"the {name} by '{column}' was not compared: it takes {needed}"
