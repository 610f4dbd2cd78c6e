"""What a check of a table is given, and what it says.

In: a table that was read, and what is known of it. Out: the types that checks are written with.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from .contract import Column, Contract
from .limits import Limits
from .settings import DataSettings
from .values import spelled


@dataclass(frozen=True)
class Follower:
    """How a column follows the time, in words; again: its values come back, as months do."""

    how: str
    again: bool = False


@dataclass(frozen=True)
class Finding:
    """Something about a column that a person should know; blocking: must decide on."""

    column: str
    text: str
    blocking: bool = False


@dataclass(frozen=True)
class TableView:
    """A table as checks see it.

    raw: rows as they came; frame: the same, NaN where there is no value; typed: the typed rows,
    same index; contract: of the columns that are there; followers: what follows the time.
    """

    raw: pd.DataFrame
    frame: pd.DataFrame
    typed: pd.DataFrame
    contract: Contract
    data: DataSettings
    limits: Limits
    seed: int
    followers: Mapping[str, Follower]

    def distinct(self, column: Column) -> pd.Index:
        """Return a column's distinct values as text, the commonest first, at most 1,000."""
        counts = self.frame[column.name].value_counts()
        return pd.Index(spelled(counts.index[:1000].to_series()))


TableCheck = Callable[[TableView], Iterator[Finding]]
