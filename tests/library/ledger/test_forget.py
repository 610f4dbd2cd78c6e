"""What is forgotten is gone, from every table that had it, and nothing else is."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.ledger.forget import forget
from ml_lifecycle.ledger.outcomes import Outcome, take_outcomes
from ml_lifecycle.ledger.tables import OUTCOMES, PREDICTIONS, SHADOWS, SUPERSEDED
from ml_lifecycle.project import Project
from project.cli import main
from sqlalchemy import delete, select
from world import TEMPLATE, prediction, project_at

TOML = '[data]\nsource = "t.csv"\ntarget = "y"\n[service]\nkeep_days = {days}\n'
TABLES = (PREDICTIONS, OUTCOMES, SHADOWS, SUPERSEDED)


@pytest.fixture
def project(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("LEDGER_URL", ledger_url)
    return project_at(tmp_path)


def write(ledger: Ledger, name: str, rows: int = 1, days: float = 0, **inputs: Any) -> None:
    """Write a request of so many days ago, with an outcome, a correction and a shadow a row."""
    about = {"created_at": now() - timedelta(days), "inputs": inputs}
    ledger.write_predictions([prediction(name, row) | about for row in range(rows)])
    for value in ("no", "yes"):
        take_outcomes(ledger, [Outcome(name, row, value) for row in range(rows)])
    said = {"prediction": "no", "probabilities": None, "latency_seconds": 0.5, "error_type": None}
    ledger.write_shadows(
        [
            said | {"request_id": name, "row": row, "version": 2, "created_at": now()}
            for row in range(rows)
        ]
    )


def left(ledger: Ledger) -> list[list[str]]:
    """Return the requests that each table knows."""
    with ledger.engine.connect() as connection:
        return [sorted({*connection.scalars(select(t.c.request_id))}) for t in TABLES]


def counts(number: int) -> dict[str, int]:
    return {table.name: number for table in TABLES}


def test_one_person_is_forgotten_everywhere_and_nobody_else(
    ledger: Ledger, project: Project
) -> None:
    write(ledger, "a", 2, customer_id="C00004")
    write(ledger, "b", customer_id="C00005")
    ledger.look("x", 1, "why")
    ledger.decide("promotion", "promote", "because C00004", 1)
    assert forget(project, where=("customer_id", "C00004")) == counts(2)
    assert left(ledger) == [["b"]] * len(TABLES)
    assert forget(project, where=("customer_id", "C00004")) == counts(0)
    assert [d.reason for d in ledger.decisions()] == ["because C00004"]
    assert ledger.look("x", 1, "why") == 1


def test_a_request_is_forgotten_by_its_id(ledger: Ledger, project: Project) -> None:
    for name in "ab":
        write(ledger, name, 2, x=1.5)
    assert forget(project, where=("request_id", "a")) == counts(2)
    assert left(ledger) == [["b"]] * len(TABLES)


def test_what_is_older_goes_and_what_is_as_old_stays(ledger: Ledger, project: Project) -> None:
    for name, days in (("a", 3), ("b", 1)):
        write(ledger, name, days=days, x=1.5)
    (moment,) = ledger.served()["created_at"].iloc[1:]
    assert forget(project, moment.to_pydatetime()) == counts(1)
    assert left(ledger) == [["b"]] * len(TABLES)


def test_both_together_mean_the_old_rows_of_one_person(ledger: Ledger, project: Project) -> None:
    for name, days, who in (("a", 3, "C4"), ("b", 1, "C4"), ("c", 3, "C5")):
        write(ledger, name, days=days, who=who)
    assert forget(project, now() - timedelta(2), ("who", "C4")) == counts(1)
    assert left(ledger) == [["b", "c"]] * len(TABLES)


def test_more_rows_than_go_into_a_commit_are_all_forgotten(
    ledger: Ledger, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[forget.__module__], "CHUNK", 7)
    write(ledger, "a", 50, days=2, who="C4")
    write(ledger, "b", 50, days=2, who="C5")
    assert forget(project, where=("who", "C4")) == counts(50)
    assert forget(project, now() - timedelta(1)) == counts(50)
    assert left(ledger) == [[]] * len(TABLES)


def test_a_shadow_or_an_outcome_that_came_too_late_goes_with_the_next_run(
    ledger: Ledger, project: Project
) -> None:
    write(ledger, "a", x=1.5)
    write(ledger, "b", x=1.5)
    with ledger.engine.begin() as connection:
        connection.execute(delete(PREDICTIONS).where(PREDICTIONS.c.request_id == "a"))
    assert forget(project, now() - timedelta(1)) == counts(1) | {"predictions": 0}
    assert left(ledger) == [["b"]] * len(TABLES)


def test_a_column_that_no_row_has_is_a_mistake_and_not_nothing(
    ledger: Ledger, project: Project
) -> None:
    assert forget(project, where=("custmer_id", "C4")) == counts(0), "an empty ledger knows none"
    write(ledger, "a", customer_id="C4")
    with pytest.raises(WrongUse, match="Did you mean 'customer_id'"):
        forget(project, where=("custmer_id", "C4"))
    assert left(ledger) == [["a"]] * len(TABLES)


@pytest.mark.parametrize(
    ("kept", "value", "same"),
    [
        (8.0, "8", True),
        (8.0, "8.0", True),
        (0.1, "0.1", True),
        (8.0, "80", False),
        (8.0, "eight", False),
        ("8", "8", True),
        ("8", "8.0", False),
        ("2026-01-31T00:00:00", "2026-01-31", True),
        ("2026-01-31T06:00:00", "2026-01-31", False),
        (None, "None", False),
        (None, "", False),
        ('it\'s "Kündigung" 名 100%', 'it\'s "Kündigung" 名 100%', True),
    ],
)
def test_a_value_is_written_as_a_person_writes_it(
    ledger: Ledger, project: Project, kept: Any, value: str, same: bool
) -> None:
    write(ledger, "a", **{'the "größe" $.x': kept})
    assert forget(project, where=('the "größe" $.x', value)) == counts(int(same))


ROW = st.tuples(st.sampled_from(["C4", "C5", None]), st.integers(0, 6))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, max_size=8), days=st.none() | st.integers(0, 6), person=st.booleans())
def test_every_row_that_is_meant_goes_and_no_other(
    ledger: Ledger, project: Project, rows: list[Any], days: int | None, person: bool
) -> None:
    with ledger.engine.begin() as connection:
        for table in TABLES:
            connection.execute(delete(table))
    for place, (who, age) in enumerate(rows):
        write(ledger, f"r{place}", days=age + 0.5, who=who)
    before = None if days is None else now() - timedelta(days)
    where = ("who", "C4") if person or before is None else None
    stays = [
        f"r{place}" for place, (who, age) in enumerate(rows)
        if (where and who != "C4") or (days is not None and age + 0.5 < days)
    ]  # fmt: skip
    assert forget(project, before, where) == counts(len(rows) - len(stays))
    assert left(ledger) == [stays] * len(TABLES)


def test_nothing_of_a_person_is_left_in_the_file(tmp_path: Path) -> None:
    project = project_at(tmp_path)
    with Ledger(project.ledger_url) as ledger:
        write(ledger, "a", 40, who="somebody-to-forget", long="y" * 9000)
        write(ledger, "b", 40, who="somebody-else", long="z" * 9000)
        assert forget(project, where=("who", "somebody-to-forget")) == counts(40)
        files = {path.name: path.read_bytes() for path in tmp_path.glob("ledger.db*")}
    assert "ledger.db-wal" in files, "the service has it open"
    content = b"".join(files.values())
    assert b"somebody-to-forget" not in content
    assert b"y" * 100 not in content
    assert b"somebody-else" in content


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, days: int, *words: str) -> Any:
    (folder / "project.toml").write_text(TOML.format(days=days), encoding="utf-8")
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, ["forget", *words])


@pytest.mark.parametrize(("days", "stays"), [(0, ["a", "b"]), (2, ["b"])])
def test_without_a_word_it_forgets_what_is_older_than_keep_days(
    ledger: Ledger,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    stays: list[str],
) -> None:
    for name, age in (("a", 3), ("b", 1)):
        write(ledger, name, days=age, x=1.5)
    for gone in (2 - len(stays), 0):
        done = run(tmp_path, monkeypatch, days)
        said = f"predictions: {gone}, outcomes: {gone}, shadows: {gone}"
        assert (said if days else "keep_days is 0") in done.stdout
        assert done.exit_code == 0
        assert left(ledger) == [stays] * len(TABLES)


def test_a_day_begins_at_midnight_in_utc(
    ledger: Ledger, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    for name, moment in (("a", midnight - timedelta(seconds=1)), ("b", midnight)):
        ledger.write_predictions([prediction(name) | {"created_at": moment}])
    done = run(tmp_path, monkeypatch, 0, "--before", "2026-03-01")
    assert "predictions: 1" in done.stdout
    assert left(ledger)[0] == ["b"]


def test_the_command_of_the_privacy_page_forgets_its_person(
    ledger: Ledger, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (TEMPLATE / "docs" / "privacy.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    P forget (--where .*)$", page, re.MULTILINE)
    write(ledger, "a", customer_id="C00004")
    write(ledger, "b", customer_id="C00005")
    done = run(tmp_path, monkeypatch, 0, *command.split())
    assert "Deleted: predictions: 1, outcomes: 1, shadows: 1" in done.stdout
    assert left(ledger) == [["b"]] * len(TABLES)
