"""Outcomes of a file: each row is taken once, or set aside with the reason; none is lost.

In: a file, the ledger. Out: what became of the rows; those that were not taken, in
FILE.quarantine.csv.
"""

import filecmp
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from secrets import token_hex

import numpy as np
import pandas as pd

from ..data.contract import Contract
from ..ledger.database import Ledger
from ..ledger.outcomes import CORRECTED, KNOWN, OLDER, TAKEN, Outcome, take_outcomes
from ..tables import Parts, Piece, local, parts_of
from ..words import Progress
from .outcome_file import Held, Reading, moments_of


@dataclass(frozen=True)
class Told:
    """What became of the rows of a file.

    became: how many rows by what, or why not; ambiguous: rows whose key several predictions held;
    quarantine: where those are that were not taken.
    """

    became: Counter[str]
    ambiguous: int
    quarantine: Path | None

    def __str__(self) -> str:
        """Say it in words."""
        taken, became = sum(self.became[what] for what in TAKEN), self.became
        how = [(CORRECTED, CORRECTED), (OLDER, "older than what is known, and kept beside it")]
        more = ", ".join(f"{became[what]:,} {word}" for what, word in how if became[what])
        said = f"taken {taken:,}{f' ({more})' if more else ''}, known before {became[KNOWN]:,}"
        why = {what: n for what, n in became.most_common() if what not in (*TAKEN, KNOWN)}
        if why:
            reasons = ", ".join(f"{n:,} {what}" for what, n in why.items())
            said += f", quarantined {sum(why.values()):,}: {reasons}"
        return said if taken else f"{said}; nothing changed"


def take_file(
    ledger: Ledger,
    file: Path,
    contract: Contract,
    progress: Progress,
    key: str = "",
    at: str = "",
    encoding: str = "",
) -> Told:
    """Take the outcomes of a file into the ledger; it may be larger than memory.

    key: a column that was sent with the rows, in place of request_id and row; its values in FILE,
    and the predictions that hold them, are kept in memory. at: a column that says when it happened.

    Raises:
        WrongUse: a column is not there.
        DataError: the bytes are no table; nothing was taken.

    """
    became, ambiguous, parts = Counter[str](), 0, None
    hidden = file.with_name(f".{file.name}.quarantine.csv")
    with local(str(file), Path.cwd()) as path, ExitStack() as stack:
        reading = Reading(path, str(file), contract, encoding, key, at, progress)
        held = reading.held(ledger) if key else {}
        conflicts = _conflicts(reading, held)
        for piece, rows in reading.read("taken"):
            ambiguous += reading.found(rows, held) if key else 0
            what = _take(ledger, rows, conflicts)
            became.update(what)
            bad = np.flatnonzero(~what.isin((*TAKEN, KNOWN)))
            if len(bad):
                parts = parts or stack.enter_context(parts_of(hidden, token_hex()))
                _set_aside(parts, piece, bad, what)
    return Told(became, ambiguous, _settled(hidden, file) if parts else None)


def _hashes(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return fingerprints of which row and of the value: 16 bytes where a text has a hundred."""
    which = pd.util.hash_pandas_object(rows[["request_id", "row"]].astype(object), index=False)
    value = pd.util.hash_pandas_object(rows["value"].astype(object), index=False)
    return which.to_numpy(), value.to_numpy()


def _conflicts(reading: Reading, held: Held) -> np.ndarray:
    """Return the fingerprints of rows of which the file says two values, however far apart."""
    found = [(np.array([], "uint64"), np.array([], "uint64"))]
    for _, rows in reading.read("read"):
        if reading.key:
            reading.found(rows, held)
        found.append(_hashes(rows[rows["why"] == ""]))
    which, value = (np.concatenate(parts) for parts in zip(*found, strict=True))
    different = pd.DataFrame({"which": which, "value": value}).drop_duplicates()["which"]
    return different[different.duplicated()].unique()


def _take(ledger: Ledger, rows: pd.DataFrame, conflicts: np.ndarray) -> pd.Series:
    """Return what became of typed rows, or why they were not taken."""
    good = rows[rows["why"] == ""]
    columns = good["request_id"], good["row"], good["value"], moments_of(good)
    outcomes = [Outcome(*said) for said in zip(*columns, strict=True)]
    torn = np.isin(_hashes(good)[0], conflicts)
    keys = {outcomes[place].key for place in np.flatnonzero(torn)}
    what = rows["why"].copy()
    what.loc[good.index] = take_outcomes(ledger, outcomes, keys)
    return what


def _set_aside(parts: Parts, piece: Piece, bad: np.ndarray, what: pd.Series) -> None:
    table, place = piece.table, next(n for n in count() if parts.known(n) is None)
    rows = replace(table, frame=table.frame.iloc[bad], given=table.given.take(bad))
    parts.write(place, rows, {"reason": [*what.iloc[bad]]}, note=True)


def _settled(new: Path, file: Path) -> Path:
    """Give the rows set aside a name of their own: what is there from another file stays."""
    for number in count(1):
        another = f"-{number}" if number > 1 else ""
        place = file.with_name(f"{file.name}.quarantine{another}.csv")
        if not place.exists():
            return new.rename(place)
        if filecmp.cmp(new, place, shallow=False):
            break
    new.unlink()
    return place
