"""What was acknowledged is there, whatever happens to the process or to where it writes."""

import os
import resource
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fault_callers import PATIENCE, Callers, until
from ml_lifecycle.ledger.database import Ledger
from sqlalchemy import create_engine
from world import Champion, Settings

KILLS, ROWS = 10, 100  # rows of a request


@pytest.fixture
def own(champion: Champion, tmp_path: Path) -> Settings:
    return champion.copy(tmp_path)


def kept(settings: Settings) -> set[tuple[str, int]]:
    with Ledger(settings.project.ledger_url) as ledger:
        found = ledger.served()
        return set(zip(found["request_id"], found["row"], strict=True))


def body(champion: Champion, rows: int = 1) -> dict[str, Any]:
    return {"rows": [champion.release.manifest.typical_row] * rows}


def works(address: str, asked: dict[str, Any]) -> bool:
    return httpx.post(f"{address}/predict", json=asked, timeout=PATIENCE).status_code == 200


def test_ten_kills_lose_nothing_that_was_acknowledged(
    apart: Settings, champion: Champion, process_of: Any
) -> None:
    acknowledged: set[tuple[str, int]] = set()
    for _ in range(KILLS):
        with process_of(apart, "--port", "0") as (process, address):
            with Callers(address, body(champion, ROWS)) as callers:
                until(lambda: len(callers.acknowledged) >= 1_200)
                process.send_signal(signal.SIGKILL)
                process.wait(PATIENCE)
            acknowledged |= callers.acknowledged
    assert len(acknowledged) >= 10_000
    assert acknowledged - kept(apart) == set()
    print(f"{len(acknowledged):,} rows acknowledged, 0 lost in {KILLS} kills")


def test_a_full_disk_is_said_and_overcome(
    own: Settings, champion: Champion, process_of: Any
) -> None:
    with process_of(own, "--port", "0") as (process, address):
        assert works(address, body(champion))
        # No file of the process may grow any more.
        unlimited = resource.prlimit(
            process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY)
        )
        with Callers(address, body(champion)) as callers:
            until(lambda: callers.statuses[503] >= 20)
        assert set(callers.statuses) == {503}
        assert not callers.unsaid
        assert httpx.get(f"{address}/health/live").status_code == 200
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
        with Callers(address, body(champion)) as callers:
            until(lambda: callers.statuses[200] >= 20)
    assert callers.acknowledged - kept(own) == set()


def test_a_locked_database_is_said_and_overcome(
    own: Settings, champion: Champion, process_of: Any
) -> None:
    with process_of(own, "--port", "0", deadline_seconds=1.0) as (_, address):
        assert works(address, body(champion))
        with closing(
            sqlite3.connect(own.project.root / "ledger.db", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            with Callers(address, body(champion)) as callers:
                until(lambda: sum(callers.statuses.values()) >= 20)
            assert set(callers.statuses) <= {503, 504}
            assert not callers.unsaid
            other.execute("ROLLBACK")
        until(lambda: works(address, body(champion)))


def test_a_corrupt_database_is_said_and_overcome_when_it_is_mended(
    own: Settings, champion: Champion, process_of: Any
) -> None:
    path = own.project.root / "ledger.db"
    with process_of(own, "--port", "0") as (_, address):
        with Callers(address, body(champion, ROWS)) as callers:
            until(lambda: len(callers.acknowledged) >= 2_000)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(len(whole) - 4096))
        answer = httpx.post(f"{address}/predict", json=body(champion), timeout=PATIENCE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        with path.open("r+b") as file:
            file.write(whole)
        until(lambda: works(address, body(champion)))
    assert callers.acknowledged - kept(own) == set()


def test_postgresql_that_was_restarted_is_found_again(
    champion: Champion, process_of: Any, emptied: Any, tmp_path: Path, quiet: Any
) -> None:
    from dataclasses import replace

    from ml_lifecycle.ledger.backup import backup, restore

    own = champion.copy(tmp_path)
    backup(own.project, tmp_path / "backup.db", quiet)
    project = replace(own.project, ledger_url=str(emptied()))
    restore(project, tmp_path / "backup.db", quiet)
    own = own.model_copy(update={"project": project})
    engine = create_engine(project.ledger_url)
    with process_of(own, "--port", "0") as (_, address):
        with Callers(address, body(champion)) as callers:
            for _ in range(5):
                before = len(callers.acknowledged)
                until(lambda: len(callers.acknowledged) > before + 20)  # noqa: B023
                with engine.begin() as connection:  # as a server that ends does to all its clients
                    connection.exec_driver_sql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                    )
            before = len(callers.acknowledged)
            until(lambda: len(callers.acknowledged) > before + 20)
        assert set(callers.statuses) <= {200, 503}
        assert not callers.unsaid
        assert not callers.lost
    engine.dispose()
    assert callers.acknowledged - kept(own) == set()


def test_memory_does_not_grow_over_200_000_rows(
    own: Settings, champion: Champion, process_of: Any
) -> None:
    with process_of(own, "--port", "0") as (process, address):

        def megabytes() -> float:
            status = Path(f"/proc/{process.pid}/status").read_text()
            (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
            return int(line.split()[1]) / 1024

        with Callers(address, body(champion, 20), number=4) as callers:
            until(lambda: len(callers.acknowledged) >= 40_000, 600)
            before, started = megabytes(), time.monotonic()
            until(lambda: len(callers.acknowledged) >= 240_000, 600)
            after = megabytes()
    print(f"{before:.0f} MB, {after:.0f} MB after {time.monotonic() - started:.0f} s")
    assert after - before < 20
