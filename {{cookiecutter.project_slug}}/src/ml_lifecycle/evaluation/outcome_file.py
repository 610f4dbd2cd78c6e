"""A file of outcomes, read in pieces: which row is meant, what happened, when, or why it cannot be.

In: CSV or Parquet with the target's values, by request_id and row or by a column that was sent.
Out: rows of value, moment, request_id, row, and why one is not to be taken.
"""

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from ..data.contract import NUMERIC, Column, Contract
from ..data.rows import as_json, convert, dates, moments, numbers
from ..data.values import known, spelled
from ..errors import WrongUse
from ..ledger.database import Ledger, now
from ..ledger.outcomes import EARLY, FUTURE, asked, reach
from ..settings import nearest
from ..tables import Piece, pieces
from ..words import Progress, pace

PIECE = 20_000  # rows in memory at once
MOST = 1_000_000  # rows of a request
LARGEST = 1e75  # of an outcome: a loss is its square, and the variance of that a square again
Held = dict[str, list[tuple[datetime, str, int]]]  # predictions by key, the oldest first


def labels(values: pd.Series, target: Column) -> pd.Series:
    """Return outcomes as the ledger keeps them (text), NaN where one is no value of the target."""
    typed = convert(known(values, target), target)
    good = typed.isin(target.categories) if target.categories else typed.notna()
    if target.kind in NUMERIC:
        good &= typed.abs() <= LARGEST
    if target.kind == "integer":
        good &= typed % 1 == 0
    return spelled(typed.where(good, np.nan))


@dataclass(frozen=True)
class Reading:
    """A file that is read in pieces, as often as it takes, and which of its columns say what."""

    path: Path
    name: str
    contract: Contract
    encoding: str
    key: str
    at: str
    progress: Progress

    def read(self, what: str) -> Iterator[tuple[Piece, pd.DataFrame]]:
        """Yield pieces with their typed rows: value, moment and why; and key, or request_id, row.

        what: is done with them; said with the pace of a long file.
        """
        begun, rows = time.monotonic(), 0
        for piece in pieces(self.path, self.name, PIECE, encoding=self.encoding):
            yield piece, self._typed(piece.table.frame)
            rows += len(piece.table.frame)
            if rows > PIECE:
                done = pace(rows, piece.share, time.monotonic() - begun)
                self.progress(f"{what}: {done}", round(1000 * piece.share), 1000)

    def _typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        target = self.contract.target
        name = target.name if target.name in frame else self._there("value", frame)
        rows = pd.DataFrame({"value": labels(frame[name], target)})
        rows["why"] = np.where(rows["value"].isna(), f"no value of '{target.name}'", "")
        rows["moment"] = pd.Series(pd.NaT, frame.index, dtype="datetime64[s]")
        if self.at:
            given = frame[self._there(self.at, frame)]
            time = self.contract.with_role("time")
            rows["moment"] = found = dates(given, time[0]) if time else moments(given)
            _refuse(rows, spelled(given).notna() & found.isna(), f"no moment in '{self.at}'")
            # Here already: what is far out is no moment of Python's.
            _refuse(rows, found > pd.Timestamp(now().replace(tzinfo=None)), FUTURE)
            _refuse(rows, found < pd.Timestamp(0), EARLY)
        if self.key:
            rows["key"] = as_keys(frame[self._there(self.key, frame)], self.column)
            _refuse(rows, rows["key"].isna(), f"no '{self.key}'")
            return rows
        rows["request_id"] = spelled(frame[self._there("request_id", frame)])
        _refuse(rows, rows["request_id"].isna(), "no request_id")
        given = frame["row"] if "row" in frame else pd.Series(0, frame.index)
        place = numbers(given)
        good = spelled(given).isna() | ((place >= 0) & (place % 1 == 0) & (place <= MOST))
        _refuse(rows, ~good, "row is no place in a request")
        rows["row"] = place.where(good).fillna(0).astype("int64")
        return rows

    def _there(self, name: str, frame: pd.DataFrame) -> str:
        if name in frame:
            return name
        target = self.contract.target.name
        ways = {"value": f"'{target}' or 'value'", "request_id": "'request_id' (or give --key)"}
        near = nearest(target if name == "value" else name, [*frame])
        raise WrongUse(f"{self.name} has no column {ways.get(name, repr(name))}.{near}")

    @property
    def column(self) -> Column:
        """The column of the contract that is the key; raises `WrongUse` if the ledger has none."""
        found = {column.name: column for column in self.contract.columns}.get(self.key)
        if found is None:
            names = [column.name for column in self.contract.columns]
            raise WrongUse(f"contract.yaml has no column '{self.key}'.{nearest(self.key, names)}")
        if found.role in ("id", "ignored", "target"):
            raise WrongUse(
                f"'{self.key}' is {found.role} in contract.yaml, and no such column is kept with "
                "predictions. A key that callers send can be the `group` under [data]"
            )
        return found

    def held(self, ledger: Ledger) -> Held:
        """Return the predictions that hold a key of the file, by that key."""
        wanted: set[str] = set()
        for _, rows in self.read("keys read"):
            wanted.update(rows["key"].dropna())
        held: Held = defaultdict(list)
        for part in asked(ledger):
            values = pd.Series([inputs.get(self.key) for _, _, _, inputs in part], dtype=object)
            keys = as_keys(values, as_json(self.column))
            for key, (created_at, request_id, row, _) in zip(keys, part, strict=True):
                if key in wanted:
                    held[key].append((created_at, request_id, row))
        return {key: sorted(places) for key, places in held.items()}

    def found(self, rows: pd.DataFrame, held: Held) -> int:
        """Add request_id and row to rows with a key: of the latest prediction before the outcome.

        Returns for how many rows there was more than one.
        """
        places, ambiguous = [], 0
        for key, moment, why in zip(rows["key"], moments_of(rows), rows["why"], strict=True):
            there = held.get(key, [])
            upto = bisect_left(there, reach(moment), key=itemgetter(0)) if moment else len(there)
            ambiguous += upto > 1 and not why
            places.append(there[upto - 1][1:] if upto else (EARLY if there else "", -1))
        rows["request_id"], rows["row"] = zip(*places, strict=True)
        _refuse(rows, (rows["row"] < 0) & (rows["request_id"] == EARLY), EARLY)
        _refuse(rows, rows["row"] < 0, f"no prediction with this '{self.key}'")
        return ambiguous


def moments_of(rows: pd.DataFrame) -> list[datetime | None]:
    """Return when outcomes happened, in UTC; None where nobody says, or what is said is refused."""
    good = rows["moment"].where(rows["why"] == "")
    return [None if pd.isna(m) else m.to_pydatetime().replace(tzinfo=UTC) for m in good]


def as_keys(values: pd.Series, column: Column) -> pd.Series:
    """Return keys in one spelling, NaN where there is none."""
    return spelled(convert(known(values, column), column)).replace("", np.nan)


def _refuse(rows: pd.DataFrame, bad: pd.Series, why: str) -> None:
    rows.loc[bad & (rows["why"] == ""), "why"] = why
