"""The operational database: predictions, outcomes, decisions, looks at the test set.

In: a SQLAlchemy URL; SQLite by default, PostgreSQL by LEDGER_URL. Out: an open `Ledger`. A row that
was written is on disk: SQLite runs in WAL mode and syncs every commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from .errors import WorldBroken

TABLES = MetaData()
PREDICTIONS = Table(
    "predictions",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), index=True, nullable=False),
    Column("version", Integer, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("answer", String, nullable=False),
    Column("guess", JSON, nullable=False),
)
OUTCOMES = Table(
    "outcomes",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("value", String, nullable=False),
)
DECISIONS = Table(
    "decisions",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("version", Integer),
    Column("former", Integer),
    Column("reason", String, nullable=False),
    Column("details", JSON, nullable=False),
)
LOOKS = Table(
    "looks",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("test_sha256", String, index=True, nullable=False),
    Column("why", String, nullable=False),
)


def now() -> datetime:
    """Return the time of now, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """The open database; use it as a context manager."""

    def __init__(self, url: str) -> None:
        """Open `url` and make the tables; raise `WorldBroken` if that cannot be done."""
        try:
            self.engine = create_engine(url, pool_pre_ping=True)
            if self.engine.dialect.name == "sqlite":
                event.listen(self.engine, "connect", _sync_every_commit)
            TABLES.create_all(self.engine)
        except SQLAlchemyError as error:
            raise WorldBroken(f"the ledger cannot be opened: {_first_line(error)}") from None

    def __enter__(self) -> "Ledger":
        """Return the open ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Hold the one lock under which champions change; commits on leaving without an error."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(text("BEGIN IMMEDIATE"))
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(4711)"))
            yield connection
            connection.commit()

    def write_predictions(self, rows: Sequence[dict[str, Any]]) -> None:
        """Commit rows of `predictions` in one transaction."""
        with self.engine.begin() as connection:
            connection.execute(insert(PREDICTIONS), list(rows))

    def write_outcomes(self, rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
        """Commit outcomes of known predictions; return how many were new and how many unknown.

        An outcome that is there already is replaced: labels are corrected in practice.
        """
        new = unknown = 0
        with self.engine.begin() as connection:
            for row in rows:
                key = {"request_id": row["request_id"], "row": row["row"]}
                if connection.execute(_where(PREDICTIONS, key)).first() is None:
                    unknown += 1
                    continue
                connection.execute(OUTCOMES.delete().filter_by(**key))
                connection.execute(insert(OUTCOMES), row | {"at": now()})
                new += 1
        return new, unknown

    def decide(
        self,
        kind: str,
        verdict: str,
        reason: str,
        version: int | None = None,
        former: int | None = None,
        details: dict[str, Any] | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Record a decision, within `connection` if given."""
        row = {
            "at": now(),
            "kind": kind,
            "verdict": verdict,
            "version": version,
            "former": former,
            "reason": reason,
            "details": details or {},
        }
        if connection is not None:
            connection.execute(insert(DECISIONS), row)
            return
        with self.engine.begin() as own:
            own.execute(insert(DECISIONS), row)

    def decisions(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return decisions, the latest first."""
        query = select(DECISIONS).order_by(DECISIONS.c.id.desc())
        if kind:
            query = query.where(DECISIONS.c.kind == kind)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def look(self, test_sha256: str, why: str) -> int:
        """Count one look at a test set; return how often it was looked at so far."""
        with self.engine.begin() as connection:
            row = {"at": now(), "test_sha256": test_sha256, "why": why}
            connection.execute(insert(LOOKS), row)
            query = select(func.count()).where(LOOKS.c.test_sha256 == test_sha256)
            return int(connection.execute(query).scalar_one())

    def served(self, last: int | None = None, version: int | None = None) -> pd.DataFrame:
        """Return predictions with their outcomes where known, the oldest first.

        Columns: request_id, row, at, version, inputs (dict), answer, guess, outcome (str or None).
        last: only so many of the latest rows; version: only those that it answered.
        """
        same = (OUTCOMES.c.request_id == PREDICTIONS.c.request_id) & (
            OUTCOMES.c.row == PREDICTIONS.c.row
        )
        joined = PREDICTIONS.outerjoin(OUTCOMES, same)
        query = select(PREDICTIONS, OUTCOMES.c.value.label("outcome")).select_from(joined)
        query = query.order_by(
            PREDICTIONS.c.at.desc(), PREDICTIONS.c.request_id, PREDICTIONS.c.row.desc()
        )
        if version is not None:
            query = query.where(PREDICTIONS.c.version == version)
        with self.engine.connect() as connection:
            result = connection.execute(query.limit(last) if last else query)
            frame = pd.DataFrame(result.mappings().all(), columns=list(result.keys()))
        return frame.iloc[::-1].reset_index(drop=True)


def _where(table: Table, key: dict[str, Any]) -> Any:
    return select(table.c.row).filter_by(**key)


def _sync_every_commit(connection: Any, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
