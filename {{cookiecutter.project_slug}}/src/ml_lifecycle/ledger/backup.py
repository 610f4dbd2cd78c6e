"""The ledger into one file, and back: so that it outlives the machine, and moves between databases.

In: an open ledger. Out: a file which is a SQLite ledger, whatever the database; or an empty ledger
that holds what was in such a file. Both are whole or not there.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import URL, Connection

from ..errors import WorldBroken, WrongUse
from ..project import Project, sqlite_file
from ..words import Progress
from .database import Ledger
from .tables import TABLES

CHUNK = 10_000  # rows in memory at once


def backup(project: Project, file: Path, progress: Progress) -> dict[str, int]:
    """Write the ledger, as it is at one moment, to a new `file`; return the rows by table."""
    if file.exists() or not file.parent.is_dir():
        why = "is there already and stays as it is" if file.exists() else "has no folder"
        raise WrongUse(f"{file} {why}: name another file")
    with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
        part = Path(folder) / file.name
        with Ledger(project.ledger_url) as source:
            own = sqlite_file(project.ledger_url)
            if own:  # seconds where row by row takes minutes
                _duplicate(own, part)
            with Ledger(_url(part)) as target:
                if not own:
                    _copy(source, target, progress)
                with target.engine.connect() as connection:
                    # Without -wal and -shm files beside it.
                    connection.execute(text("PRAGMA journal_mode=DELETE"))
                    rows = _rows(connection)
        part.rename(file)
    return rows


def restore(project: Project, file: Path, progress: Progress) -> dict[str, int]:
    """Fill the ledger, which must be empty, from `file`, also of an older template."""
    with TemporaryDirectory(dir=project.root, prefix=".restore-") as folder:
        part = Path(folder) / "ledger.db"
        _duplicate(file, part)
        with Ledger(_url(part)) as source, Ledger(project.ledger_url) as target:
            return _copy(source, target, progress)


def _url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))


def _duplicate(file: Path, part: Path) -> None:
    """Copy a SQLite ledger, with what stands in its -wal file; raise `WrongUse` if it is none."""
    try:
        with (
            closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target)
            (state,) = target.execute("PRAGMA quick_check(1)").fetchone()
            names = {name for (name,) in target.execute("SELECT name FROM sqlite_master")}
    except sqlite3.OperationalError as error:
        raise WorldBroken(f"{file} cannot be copied: {error}") from None
    except sqlite3.DatabaseError as error:
        raise WrongUse(f"{file} is no ledger: {error}") from None
    if state != "ok" or not {"predictions", "decisions"} <= names:
        raise WrongUse(f"{file} is no ledger: {'no such tables' if state == 'ok' else state}")


def _copy(source: Ledger, target: Ledger, progress: Progress) -> dict[str, int]:
    with source.engine.connect() as reading, target.exclusive() as writing:
        reading.execution_options(isolation_level="SERIALIZABLE")  # all of it is of one moment
        there = _rows(writing)
        if any(there.values()):
            raise WrongUse(
                f"the ledger is not empty ({told(there)}), and nothing is added to it: point "
                "LEDGER_URL to a new database, or move ledger.db away with its -wal and -shm files"
            )
        rows = _rows(reading)
        for table in TABLES.sorted_tables:
            done = 0
            result = reading.execute(select(table).execution_options(yield_per=CHUNK))
            for chunk in result.mappings().partitions():
                writing.execute(insert(table), [dict(row) for row in chunk])
                done += len(chunk)
                if rows[table.name] > CHUNK:
                    progress(_so_far(table.name, done, rows[table.name]), done, rows[table.name])
            if writing.dialect.name == "postgresql" and "id" in table.c:
                # The ids came with the rows; the sequence that makes the next one has not moved.
                last = f"setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"
                writing.execute(text(f"SELECT {last} FROM {table.name}"))
    return rows


def _rows(connection: Connection) -> dict[str, int]:
    counts = {t.name: select(func.count()).select_from(t) for t in TABLES.sorted_tables}
    return {name: connection.scalar(query) or 0 for name, query in counts.items()}


def told(rows: dict[str, int]) -> str:
    """Say how many rows each table has."""
    return ", ".join(f"{table}: {count:,}" for table, count in rows.items())


def _so_far(table: str, done: int, total: int) -> str:
    return f"{table}: {done:,} of {total:,} rows"
