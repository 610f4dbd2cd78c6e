"""A backup is whole or not there, of one moment, and comes back as it was on either database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.ledger.backup import backup, restore
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.ledger.outcomes import Outcome, take_outcomes
from ml_lifecycle.ledger.tables import TABLES
from ml_lifecycle.ledger.traffic import Traffic, write_traffic
from ml_lifecycle.project import Project
from project.cli import main
from sqlalchemy import select
from world import project_at

Contents = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Project]:
    """Return a project whose ledger is at a URL."""

    def make(url: str) -> Project:
        monkeypatch.setenv("LEDGER_URL", url)
        return project_at(tmp_path)

    return make


@pytest.fixture
def full(ledger_url: str) -> str:
    """The URL of a ledger with rows in every table."""
    with Ledger(ledger_url) as ledger:
        add(ledger, "a")
        for value in ("no", "yes"):  # the second is a correction
            take_outcomes(ledger, [Outcome("a", 1, value, now())])
        ledger.look("x", 1, "why")
        write_traffic(ledger, 1, Traffic(3, 1, 0.5))
        shadow = {
            "request_id": "a",
            "row": 0,
            "version": 2,
            "created_at": now(),
            "latency_seconds": 0.5,
        }
        ledger.write_shadows(
            [shadow | {"prediction": None, "probabilities": None, "error_type": "too slow"}]
        )
    return ledger_url


def add(ledger: Ledger, request_id: str) -> None:
    """Write three predictions and three decisions."""
    about = {
        "created_at": now(),
        "version": 1,
        "inputs": {"x": 1.5, "y": None},
        "prediction": "yes",
    }
    rows = [
        {"request_id": request_id, "row": row, "probabilities": {"yes": 0.75}} for row in range(3)
    ]
    ledger.write_predictions([row | about for row in rows])
    for version in range(3):
        ledger.decide("promotion", "hold", "because", version, run_id="r", sha256="s")


def contents(url: str) -> Contents:
    """Everything in a ledger, table by table."""
    with Ledger(url) as ledger, ledger.engine.connect() as connection:
        tables = TABLES.sorted_tables
        rows = [connection.execute(select(t).order_by(*t.primary_key)).all() for t in tables]
        return {t.name: [tuple(row) for row in r] for t, r in zip(tables, rows, strict=True)}


def test_a_backup_is_a_ledger_in_one_file(full: str, at: Any, tmp_path: Path, quiet: Any) -> None:
    rows = backup(at(full), tmp_path / "a b?#%.db", quiet)
    assert {file.name for file in tmp_path.iterdir()} - {"ledger.db"} == {"a b?#%.db"}
    (tmp_path / "a b?#%.db").rename(tmp_path / "plain.db")
    # Bytes 18 and 19 of the format: 1 where a reader needs no -wal file and may not write one.
    assert (tmp_path / "plain.db").read_bytes()[18:20] == b"\x01\x01"
    kept = contents(f"sqlite:///{tmp_path / 'plain.db'}")
    assert kept == contents(full)
    assert rows == {name: len(found) for name, found in kept.items()}
    assert min(rows.values()) > 0


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_what_is_restored_is_what_was_there_and_ids_go_on(
    full: str, at: Any, tmp_path: Path, quiet: Any, postgresql: Any, to: str
) -> None:
    backup(at(full), tmp_path / "backup.db", quiet)
    url = postgresql() if to == "postgresql" else f"sqlite:///{tmp_path / 'new.db'}"
    new = at(url)
    restore(new, tmp_path / "backup.db", quiet)
    assert contents(new.ledger_url) == contents(full)
    with Ledger(new.ledger_url) as ledger:
        ledger.decide("promotion", "hold", "because")
        assert ledger.look("x", 2, "why") == 2
        assert [decision.id for decision in ledger.decisions()] == [4, 3, 2, 1]


def test_a_ledger_is_restored_with_what_is_not_yet_in_its_main_file(
    at: Any, tmp_path: Path, quiet: Any, postgresql: Any
) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        add(ledger, "a")
        assert restore(at(postgresql()), tmp_path / "ledger.db", quiet)["predictions"] == 3


def test_an_older_backup_is_brought_up_to_date_and_stays_as_it_is(
    ledger_url: str, first_ledger: Any, at: Any, tmp_path: Path, quiet: Any
) -> None:
    first_ledger(f"sqlite:///{tmp_path / 'old.db'}")
    before = (tmp_path / "old.db").read_bytes()
    restore(at(ledger_url), tmp_path / "old.db", quiet)
    assert (tmp_path / "old.db").read_bytes() == before
    with Ledger(ledger_url) as ledger:
        assert ledger.decisions()[0].reason == "the first champion"


def test_a_backup_overwrites_nothing(full: str, at: Any, tmp_path: Path, quiet: Any) -> None:
    (tmp_path / "backup.db").write_text("precious", encoding="utf-8")
    with pytest.raises(WrongUse, match="already"):
        backup(at(full), tmp_path / "backup.db", quiet)
    assert (tmp_path / "backup.db").read_text(encoding="utf-8") == "precious"


def test_nothing_is_restored_into_a_ledger_that_has_rows(
    full: str, at: Any, tmp_path: Path, quiet: Any
) -> None:
    backup(at(full), tmp_path / "backup.db", quiet)
    before = contents(full)
    with pytest.raises(WrongUse, match=r"decisions: 3, .*LEDGER_URL"):
        restore(at(full), tmp_path / "backup.db", quiet)
    assert contents(full) == before


@pytest.mark.parametrize("fault", ["text", "empty", "another", "cut", "damaged"])
def test_a_file_that_is_no_ledger_is_refused(
    ledger_url: str, at: Any, tmp_path: Path, quiet: Any, empty_registry: Path, fault: str
) -> None:
    file = tmp_path / "backup.db"
    with Ledger(f"sqlite:///{tmp_path / 'source.db'}") as ledger:
        for name in map(str, range(100)):
            add(ledger, name)
    backup(at(f"sqlite:///{tmp_path / 'source.db'}"), file, quiet)
    content = file.read_bytes()
    half = len(content) // 2
    faults = {
        "text": b"request_id,row\na,0\n" * 100,
        "empty": b"",
        "another": empty_registry.read_bytes(),
        "cut": content[:half],
        "damaged": content[:half] + b"\xff" * 8192 + content[half + 8192 :],
    }
    file.write_bytes(faults[fault])
    with pytest.raises(WrongUse, match=r"backup\.db is no ledger"):
        restore(at(ledger_url), file, quiet)
    assert not any(contents(ledger_url).values())


def test_a_copy_that_breaks_off_leaves_nothing(
    full: str, at: Any, tmp_path: Path, quiet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what.startswith("predictions:") and done == total:
            raise KeyboardInterrupt

    backup(at(full), tmp_path / "whole.db", quiet)
    monkeypatch.setitem(backup.__globals__, "CHUNK", 1)
    if full.startswith("postgresql"):  # SQLite copies at one go
        before = {file.name for file in tmp_path.iterdir()}
        with pytest.raises(KeyboardInterrupt):
            backup(at(full), tmp_path / "backup.db", stop)
        assert {file.name for file in tmp_path.iterdir()} == before
    new = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(KeyboardInterrupt):
        restore(at(new), tmp_path / "whole.db", stop)
    assert not any(contents(new).values())


def test_a_backup_is_of_one_moment_while_others_write(
    full: str, at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backup.__globals__, "CHUNK", 2)
    with Ledger(full) as ledger:
        add(ledger, "b")
        before = contents(full)

        def write(what: str, done: int, total: int) -> None:
            add(ledger, what)

        with ledger.exclusive() as connection:
            ledger.decide("promotion", "promote", "not yet committed", connection=connection)
            backup(at(full), tmp_path / "backup.db", write)
    assert contents(f"sqlite:///{tmp_path / 'backup.db'}") == before


def test_the_verbs_say_what_they_did_and_what_comes_next(
    full: str, at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("project.toml").write_text('[data]\nsource = "x"\ntarget = "y"\n', encoding="utf-8")
    at(full)
    said = CliRunner().invoke(main, ["backup", "backup.db"])
    assert (said.exit_code, "predictions: 3" in said.output) == (0, True)
    assert CliRunner().invoke(main, ["backup", "backup.db"]).exit_code == 2
    assert CliRunner().invoke(main, ["restore", "backup.db"]).exit_code == 2
    at("sqlite:///new.db")
    said = CliRunner().invoke(main, ["restore", "backup.db"])
    assert (said.exit_code, "predictions: 3" in said.output) == (0, True)
    assert "Now in sqlite:///new.db" in said.output
