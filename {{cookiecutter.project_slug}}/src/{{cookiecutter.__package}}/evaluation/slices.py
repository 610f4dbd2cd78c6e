"""Quality for parts of the rows: every sensitive group, every value of small categories, and the
parts that project.toml asks for.

In: test rows with truth and guess. Out: a score with its interval for each slice. A slice of too
few rows is marked as not assessed, never as fine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..data.contract import NAMED, NUMERIC, Contract
from ..errors import WrongUse
from .problem import Problem
from .scores import PLAIN, WEIGHTED, Interval, Weighted, interval

FEW = 50
FEW_POSITIVES = 20
MOST = 12
Part = dict[str, Any]  # JSON-ready; a score is None where there are too few rows to tell
Known = Interval | None


@dataclass(frozen=True)
class Judged:
    """Test rows as a model sees them; weights: (draws, rows), the bootstrap that all share."""

    frame: pd.DataFrame
    problem: Problem
    truth: np.ndarray
    guess: np.ndarray
    threshold: float | None
    weights: np.ndarray

    def score(self, mask: np.ndarray) -> Known:
        """Return the score and its bounds where `mask` holds, None for few rows or one class."""
        return self._known(WEIGHTED[self.problem.metric_name], self.guess, mask, FEW)

    def rates(self, mask: np.ndarray) -> dict[str, Known]:
        """Return what fairness compares besides the score, where `mask` holds."""
        task = self.problem.contract.task
        if task == "multiclass":
            return {}
        if task == "regression":
            return {"mean error": self._known(PLAIN, self.guess - self.truth, mask, FEW)}
        acted, positive = self.guess >= self.threshold, self.truth == 1
        return {
            "share acted on": self._known(PLAIN, acted, mask, FEW),
            "share found": self._known(PLAIN, acted, mask & positive, FEW_POSITIVES),
        }

    def _known(self, score: Weighted, said: np.ndarray, mask: np.ndarray, fewest: int) -> Known:
        if mask.sum() < fewest:
            return None
        found = interval(score, self.truth[mask], said[mask], self.weights[:, mask])
        return found if np.isfinite(found["value"]) else None


def masks(frame: pd.DataFrame, contract: Contract) -> Iterator[tuple[str, str, bool, np.ndarray]]:
    """Yield (column, value, is sensitive, mask over the rows) of every slice looked at."""
    for column in contract.named("sensitive", "feature"):
        values, sensitive = frame[column.name], column.role == "sensitive"
        if column.kind in NUMERIC and sensitive:
            values = pd.qcut(values, 4, duplicates="drop")
        elif column.kind not in NAMED or values.nunique() > MOST:
            continue
        named = values.astype(str)
        for value in sorted(named[values.notna()].unique()):
            yield column.name, value, sensitive, (named == value).to_numpy()


def slices(judged: Judged) -> list[Part]:
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
            "score": judged.score(mask),
            "rates": judged.rates(mask) if sensitive else {},
        }
        for column, value, sensitive, mask in masks(judged.frame, judged.problem.contract)
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


def matching(frame: pd.DataFrame, query: str) -> np.ndarray:
    """Return where a pandas query such as `plan == 'pro' and usage > 20` holds, as (rows,) bool.

    Raises:
        WrongUse: names the query and the columns it can use.

    """
    try:
        found = frame.eval(query, engine="python", local_dict={}, global_dict={})
        if found.dtype != bool:
            raise TypeError("it is neither true nor false for each row")
    except Exception as error:  # pandas raises many kinds, from SyntaxError to KeyError
        columns = ", ".join(frame.columns)
        raise WrongUse(f"[slices] {query!r} fails: {error}; the columns: {columns}") from None
    return found.to_numpy()


def asked(judged: Judged) -> list[Part]:
    """Return rows, score and floor of each slice under [slices], if it is met, and a sentence."""
    found = []
    for query, floor in judged.problem.settings.slices.items():
        mask = matching(judged.frame, query)
        score, rows = judged.score(mask), int(mask.sum())
        # What cannot be assessed does not pass.
        met, why = False, f"there are {rows} test rows, too few to tell"
        if score:
            met, why = score["value"] >= floor, f"the score is {score['value']:.3f}"
        said = f"where {query} {why}; its floor is {floor:g}"
        part = {"slice": query, "rows": rows, "floor": floor, "score": score}
        found.append(part | {"met": met, "said": said})
    return found
