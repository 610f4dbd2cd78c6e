"""A database opened: SQLite so that it waits and syncs, tables brought up to date.

In: a connection. Out: the revision of its tables; the same, upgraded.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from ..errors import WrongUse
from .tables import REVISION

PATIENCE = 30.0  # seconds


def as_json(value: Any) -> str:
    """Write JSON five times as fast as the standard library, which was a third of a row's cost."""
    return to_json(value).decode()


OPTIONS: dict[str, Any] = {  # of `create_engine`
    "pool_pre_ping": True,
    "hide_parameters": True,
    "json_serializer": as_json,
    "json_deserializer": from_json,
}


def revision_of(connection: Connection) -> str | None:
    """Return the step of `migrations` that the tables are at, None where there is none."""
    try:
        return connection.scalar(text("SELECT version_num FROM ledger_revision"))
    except DBAPIError:  # no such table: an empty database, or a ledger from before there was one
        return None


def upgrade(connection: Connection, revision: str | None) -> None:
    """Bring the tables up to date; raise `WrongUse` if a newer template made them."""
    # A ledger that is up to date, as in all but one start, opens without the import.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    steps = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", steps.replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise WrongUse(
            f"the ledger is at revision {revision}, and this project knows none after {REVISION}: "
            "a newer template made it. Update the project, or point LEDGER_URL to another ledger"
        ) from None


def sync_every_commit(connection: Any, _: ConnectionPoolEntry) -> None:
    """Let a new connection to SQLite wait for others, and sync each commit to disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    # Of two first openings at once SQLite refuses one, and does not wait as `busy_timeout` says.
    end = time.monotonic() + PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
