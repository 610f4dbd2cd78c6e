"""Rows deleted: those of one person, or older than a moment, with all that the ledger has of them.

In: a ledger that the service may go on writing to. Out: how many rows went, by table. Predictions,
outcomes (superseded ones, too) and shadows go; what was decided and looked at stays.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, exists, select, text, update
from sqlalchemy.engine import Connection

from ..errors import WrongUse
from ..project import Project
from ..settings import nearest
from .database import Ledger
from .tables import OUTCOMES, PREDICTIONS, SHADOWS, SUPERSEDED, Key, among

CHUNK = 1000  # rows of one commit: nobody who writes meanwhile waits long
FOLLOWING = (OUTCOMES, SHADOWS, SUPERSEDED)
Keys = list[Key]


def forget(
    project: Project, before: datetime | None = None, where: tuple[str, str] | None = None
) -> dict[str, int]:
    """Delete rows predicted before a moment, or with a value in a column of their inputs, or both.

    A column is `request_id`, too. Outcomes and shadows go with them, and so do those whose
    prediction went earlier. Ended half-way, the rest is done by running it again. Raises `WrongUse`
    if no row has the column.
    """
    gone = {table.name: 0 for table in (PREDICTIONS, *FOLLOWING)}
    old = [PREDICTIONS.c.created_at < before] if before else []
    with Ledger(project.ledger_url) as ledger:
        chosen = _of_one(ledger, *where, old) if where else _repeated(ledger, PREDICTIONS, old)
        for keys in chain(chosen, *(_left_over(ledger, table) for table in FOLLOWING)):
            with ledger.engine.begin() as connection:
                for name, count in _delete(connection, keys).items():
                    gone[name] += count
        if ledger.engine.dialect.name == "sqlite":
            with ledger.engine.connect() as connection:
                # What was deleted is still in the -wal file until it is written back.
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return gone


def _of_one(ledger: Ledger, column: str, value: str, old: list[Any]) -> Iterator[Keys]:
    """Yield keys of rows with a value; compared here, since databases read JSON each in its way."""
    found: Keys = []
    names: set[str] = set()
    query = select(PREDICTIONS.c.request_id, PREDICTIONS.c.row, PREDICTIONS.c.inputs).where(*old)
    with ledger.engine.connect() as connection:
        for request_id, row, inputs in connection.execute(query.execution_options(yield_per=CHUNK)):
            known = {"request_id": request_id} | inputs
            names.update(known)
            if _same(known.get(column), value):
                found.append((request_id, row))
    if names and column not in names:
        raise WrongUse(f"no row has a column '{column}'.{nearest(column, names)}")
    yield from (found[start : start + CHUNK] for start in range(0, len(found), CHUNK))


def _same(found: Any, value: str) -> bool:
    """Compare as a person writes it: numbers by what they are, a day without its midnight."""
    if isinstance(found, str):
        return value in (found, found.removesuffix("T00:00:00"))
    try:
        return found is not None and float(found) == float(value)
    except ValueError:
        return False


def _left_over(ledger: Ledger, table: Table) -> Iterator[Keys]:
    """Yield keys of what came when its prediction was gone, as a shadow may."""
    same = (PREDICTIONS.c.request_id == table.c.request_id) & (PREDICTIONS.c.row == table.c.row)
    return _repeated(ledger, table, [~exists().where(same)])


def _repeated(
    ledger: Ledger, table: Table, conditions: list[ColumnElement[bool]]
) -> Iterator[Keys]:
    """Yield keys while there are any; what was yielded has to be deleted by the next time."""
    query: Select[Any] = select(table.c.request_id, table.c.row).where(*conditions).limit(CHUNK)
    while True:
        with ledger.engine.connect() as connection:
            keys = [(row.request_id, row.row) for row in connection.execute(query)]
        if not keys:
            return
        yield keys


def _delete(connection: Connection, keys: Keys) -> dict[str, int]:
    if connection.dialect.name == "sqlite":
        # Overwrites what it deletes, where SQLite would only free the place.
        connection.execute(text("PRAGMA secure_delete=ON"))
    gone = {}
    for table in (PREDICTIONS, *FOLLOWING):
        gone[table.name] = connection.execute(table.delete().where(among(table, keys))).rowcount
    # A request that lost a row cannot be answered as before, and the hash was of that row too.
    rest = PREDICTIONS.c.request_id.in_({request_id for request_id, _ in keys})
    connection.execute(update(PREDICTIONS).where(rest).values(body_sha256=None))
    return gone
