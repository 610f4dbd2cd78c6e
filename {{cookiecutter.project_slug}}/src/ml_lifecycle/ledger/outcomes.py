"""What really happened, taken once: late, twice, corrected, conflicting or of no known row.

In: outcomes of rows that were answered, by a file or by HTTP. Out: what became of each. The newest
counts; what it took the place of stays in `superseded`.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import Table, insert, select
from sqlalchemy.engine import Connection

from .database import Ledger, now
from .tables import OUTCOMES, PREDICTIONS, SUPERSEDED, Key, among

CHUNK = 1000  # outcomes of one commit: nobody who writes meanwhile waits long
NEW, CORRECTED, OLDER, KNOWN = "new", "corrected", "older", "known"  # what became of it
TAKEN = (NEW, CORRECTED, OLDER)
# Why one was not taken.
UNKNOWN, FUTURE = "unknown request", "in the future"
EARLY, CONFLICT = "before the prediction", "another value in the same file or call"


class Outcome(NamedTuple):
    """What happened for a row of a request; happened_at: with a zone, None if nobody says when."""

    request_id: str
    row: int
    value: str
    happened_at: datetime | None = None

    @property
    def key(self) -> Key:
        """The row that it belongs to."""
        return self.request_id, self.row


class Taken(BaseModel):
    """How many outcomes of a call are new, how many of these correct one, how many were known.

    unknown: how many belong to no prediction of this ledger. refused: by reason, the places in the
    call, from 0, of those that were not taken.
    """

    taken: int
    corrected: int
    known: int
    unknown: int
    refused: dict[str, list[int]]

    @classmethod
    def of(cls, became: Sequence[str]) -> "Taken":
        """Count what became of each, as `take_outcomes` returns it."""
        counts = Counter(became)
        refused: dict[str, list[int]] = {}
        for place, what in enumerate(became):
            if what not in (*TAKEN, KNOWN):
                refused.setdefault(what, []).append(place)
        return cls(
            taken=sum(counts[what] for what in TAKEN),
            corrected=counts[CORRECTED],
            known=counts[KNOWN],
            unknown=counts[UNKNOWN],
            refused=refused,
        )


def reach(moment: datetime) -> datetime:
    """Return the end of what a moment stands for: midnight for its day, another for its second."""
    return moment + (timedelta(1) if moment.time() == time() else timedelta(seconds=1))


def asked(ledger: Ledger) -> Iterator[Sequence[Any]]:
    """Yield created_at, request_id, row and inputs of all predictions, so many at a time."""
    columns = PREDICTIONS.c.created_at, PREDICTIONS.c.request_id, PREDICTIONS.c.row
    query = select(*columns, PREDICTIONS.c.inputs).execution_options(yield_per=CHUNK)
    with ledger.engine.connect() as connection:
        yield from connection.execute(query).partitions()


def take_outcomes(
    ledger: Ledger, outcomes: Sequence[Outcome], conflicts: Collection[Key] = ()
) -> list[str]:
    """Commit what is new or a correction; return of each outcome one of TAKEN, KNOWN, or why not.

    What is there already changes nothing. Of two values the one that happened later counts, or,
    where that is not known, the one that came later; the other is kept in `superseded`. Two values
    of one row among `outcomes` are a conflict, and neither is taken; conflicts: more such rows.
    """
    values = defaultdict(set)
    for outcome in outcomes:
        values[outcome.key].add(outcome.value)
    torn, found = {key for key, said in values.items() if len(said) > 1}, list[str]()
    # In one order, so that rows of a request are found together.
    order = sorted(range(len(outcomes)), key=lambda place: outcomes[place].key)
    # SQLite would otherwise begin with the first write, and not see what came since it read.
    lock = ledger.exclusive if ledger.engine.dialect.name == "sqlite" else ledger.engine.begin
    for start in range(0, len(order), CHUNK):
        some = [outcomes[place] for place in order[start : start + CHUNK]]
        with lock() as connection:
            found += _take(connection, some, torn | set(conflicts))
    return [what for _, what in sorted(zip(order, found, strict=True))]


def _take(connection: Connection, outcomes: Sequence[Outcome], conflicts: set[Key]) -> list[str]:
    keys, came = {outcome.key for outcome in outcomes}, now()
    # Locked, in one order: another writer of the same rows waits, and then sees what came of this.
    columns = PREDICTIONS.c.request_id, PREDICTIONS.c.row, PREDICTIONS.c.created_at
    asked = select(*columns).where(among(PREDICTIONS, keys)).order_by(*columns[:2])
    answered = connection.execute(asked.with_for_update())
    predicted = {(request_id, row): created_at for request_id, row, created_at in answered}
    there = {(r["request_id"], r["row"]): r for r in _rows(connection, OUTCOMES, keys)}
    past = {_said(row) for row in _rows(connection, SUPERSEDED, set(there))}
    replaced = set(there)
    found, new, former = list[str](), dict[Key, dict[str, Any]](), list[dict[str, Any]]()
    for outcome in outcomes:
        row, last = outcome._asdict() | {"created_at": came}, there.get(outcome.key)
        become = _refused(outcome, predicted, came) or (
            CONFLICT if outcome.key in conflicts else _compared(outcome, last, past)
        )
        if last and outcome.value == last["value"]:
            row["created_at"] = last["created_at"]  # its moment only: no news for the drift check
        if become in (NEW, CORRECTED):
            new[outcome.key] = there[outcome.key] = row
        if last and become in (CORRECTED, OLDER):
            former.append(last if become == CORRECTED else row)
            past.add(_said(former[-1]))
        found.append(become)
    if replaced := replaced & new.keys():
        connection.execute(OUTCOMES.delete().where(among(OUTCOMES, replaced)))
    if new:
        connection.execute(insert(OUTCOMES), list(new.values()))
    if former:
        connection.execute(insert(SUPERSEDED), former)
    return found


def _refused(outcome: Outcome, predicted: dict[Key, datetime], came: datetime) -> str:
    if outcome.key not in predicted:
        return UNKNOWN
    if outcome.happened_at is None:
        return ""
    if outcome.happened_at > came:
        return FUTURE
    return EARLY if reach(outcome.happened_at) <= predicted[outcome.key] else ""


def _compared(outcome: Outcome, last: dict[str, Any] | None, past: set[tuple[Any, ...]]) -> str:
    """Say what an outcome is beside the one that counts so far, and beside those before it."""
    if last is None:
        return NEW
    moment, known = outcome.happened_at, last["happened_at"]
    if outcome.value == last["value"] and moment in (None, known):
        return KNOWN
    if moment and known and moment < known:
        return KNOWN if outcome in past else OLDER
    return CORRECTED


def _said(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in Outcome._fields)


def _rows(connection: Connection, table: Table, keys: set[Key]) -> list[dict[str, Any]]:
    columns = [column for column in table.c if column.name != "id"]
    query = select(*columns).where(among(table, keys)).order_by(table.c.created_at)
    return [dict(row) for row in connection.execute(query).mappings()]
