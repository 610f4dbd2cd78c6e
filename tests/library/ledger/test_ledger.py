"""What was acknowledged is on disk, once, on SQLite and PostgreSQL; older ledgers lose nothing."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ml_lifecycle.errors import WorldBroken, WrongUse
from ml_lifecycle.ledger import Outcome, take_outcomes
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.ledger.tables import REVISION, SHADOWS, TABLES
from sqlalchemy import Engine, create_engine, inspect, select, text
from world import TEMPLATE, prediction

OPEN = (
    f"import sys; from {Ledger.__module__} import Ledger; print('ready', flush=True); "
    "input(); Ledger(sys.argv[1])"
)


def test_the_last_rows_are_the_latest_and_come_oldest_first(ledger: Ledger) -> None:
    for name in "abc":
        ledger.write_predictions([prediction(name)])
    assert ledger.served()["request_id"].tolist() == ["a", "b", "c"]
    assert ledger.served(2)["request_id"].tolist() == ["b", "c"]


def test_a_version_looks_once_however_often_it_looks(ledger: Ledger) -> None:
    looks = [("x", 1), ("x", 1), ("x", 2), ("x", 1), ("y", 1)]
    assert [ledger.look(sha, version, "why") for sha, version in looks] == [1, 1, 2, 2, 1]


def test_eight_looks_of_a_version_at_once_are_one(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: ledger.look("x", 1, "why"), range(8)))
    assert counts == [1] * 8


def test_a_decision_names_the_release_and_is_read_before_its_commit(ledger: Ledger) -> None:
    with ledger.exclusive() as connection:
        ledger.decide(
            "promotion",
            "promote",
            "why",
            2,
            1,
            {"p": 0.1},
            connection,
            run_id="r",
            sha256="s",
            who="ada",
        )
        (kept,) = ledger.decisions("promotion", connection=connection)
    assert (kept.run_id, kept.sha256, kept.who) == ("r", "s", "ada")
    assert kept.details == {"p": 0.1}
    assert ledger.decisions() == [kept]


def test_a_shadow_that_failed_has_no_answer(ledger: Ledger) -> None:
    shadow = {
        "request_id": "a",
        "row": 0,
        "version": 2,
        "created_at": now(),
        "latency_seconds": 0.5,
    }
    failed = shadow | {
        "row": 1,
        "prediction": None,
        "probabilities": None,
        "error_type": "too slow",
    }
    ledger.write_shadows(
        [shadow | {"prediction": "yes", "probabilities": {"yes": 0.75}, "error_type": None}, failed]
    )
    with ledger.engine.connect() as connection:
        rows = connection.execute(select(SHADOWS).order_by(SHADOWS.c.row)).mappings().all()
        nothing = select(SHADOWS.c.row).where(SHADOWS.c.probabilities.is_(None))
        assert connection.scalars(nothing).all() == [1]
    assert rows[0]["probabilities"] == {"yes": 0.75}
    assert dict(rows[1]) == failed


def test_times_are_read_in_utc_wherever_they_were_written(ledger_url: str) -> None:
    if ledger_url.startswith("postgresql"):
        ledger_url += "&options=-c%20timezone%3DAsia/Tokyo"
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with Ledger(ledger_url) as ledger:
        abroad = noon.astimezone(timezone(timedelta(hours=-5)))
        ledger.write_predictions([prediction("a") | {"created_at": abroad}])
        (at,) = ledger.served()["created_at"]
    assert at.isoformat() == noon.isoformat()


def test_a_decision_is_undone_with_what_failed_beside_it(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.exclusive() as connection:
            ledger.decide("promotion", "promote", "because", 1, connection=connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    ledger.decide("promotion", "hold", "because", 2)
    assert [d.verdict for d in ledger.decisions("promotion")] == ["hold"]


def test_a_ledger_that_cannot_be_opened_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(WorldBroken):
        Ledger(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'ledger.db'}")


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger, ledger.engine.connect() as opened:
        assert opened.scalar(text("PRAGMA journal_mode")) == "wal"
        assert opened.scalar(text("PRAGMA synchronous")) == 2


@pytest.mark.parametrize("old", [False, True])
def test_the_tables_on_disk_are_those_that_the_code_knows(
    ledger_url: str, first_ledger: Callable[[str], None], old: bool
) -> None:
    if old:
        first_ledger(ledger_url)
    with Ledger(ledger_url) as ledger, ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "ledger_revision"})
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, TABLES) == []


def test_a_ledger_of_an_earlier_template_loses_nothing(
    ledger_url: str, first_ledger: Callable[[str], None]
) -> None:
    first_ledger(ledger_url)
    with Ledger(ledger_url) as ledger:
        (served,) = ledger.served().to_dict("records")
        (decision,) = ledger.decisions()
        assert (served["inputs"], served["outcome"]) == ({"x": 1.5}, "no")
        assert decision.reason == "the first champion"
        assert (decision.run_id, decision.who) == (None, None)
        # Each look of the past counts as one: it is not known whose it was.
        assert ledger.look("x", 1, "why") == 3
        ledger.decide("promotion", "hold", "because")
        assert [d.id for d in ledger.decisions()] == [2, 1]


def test_one_person_is_found_as_the_privacy_page_says(ledger: Ledger) -> None:
    page = (TEMPLATE / "docs" / "privacy.md").read_text(encoding="utf-8")
    lines = page.split("## What is stored of")[1].split("## Delete one")[0].splitlines()
    statement = " ".join(line.strip() for line in lines if line.startswith("    "))
    for name, customer in (("a", "C00004"), ("b", "C00005")):
        ledger.write_predictions([prediction(name) | {"inputs": {"customer_id": customer}}])
    with ledger.engine.connect() as connection:
        assert connection.execute(text(statement.rstrip(";"))).scalar() == "a"


def shape(engine: Engine) -> dict[str, list[str]]:
    seen = inspect(engine)
    names = sorted(seen.get_table_names())
    return {name: [column["name"] for column in seen.get_columns(name)] for name in names}


def test_an_upgrade_that_fails_leaves_the_ledger_as_it_was(
    ledger_url: str, first_ledger: Callable[[str], None]
) -> None:
    first_ledger(ledger_url)
    engine = create_engine(ledger_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE shadows (mine INTEGER)"))
    before = shape(engine)
    with pytest.raises(WorldBroken, match="shadows"):
        Ledger(ledger_url)
    assert shape(engine) == before
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE shadows"))
    engine.dispose()
    with Ledger(ledger_url) as ledger:
        assert len(ledger.served()) == len(ledger.decisions()) == 1


def test_a_ledger_of_a_newer_template_is_refused_by_name(ledger: Ledger, ledger_url: str) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE ledger_revision SET version_num = '9999'"))
    with pytest.raises(WrongUse, match=r"revision 9999.*Update the project"):
        Ledger(ledger_url)


def test_the_ledger_may_share_a_database_with_mlflow(ledger_url: str) -> None:
    engine = create_engine(ledger_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('mlflows')"))
    with Ledger(ledger_url) as ledger, engine.connect() as connection:
        assert ledger.look("x", 1, "why") == 1
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "mlflows"
    engine.dispose()


def test_processes_open_an_empty_ledger_at_once(ledger_url: str) -> None:
    command = [sys.executable, "-c", OPEN, ledger_url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen(command, text=True, **pipes) for _ in range(4)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, said


def test_a_ledger_that_is_up_to_date_opens_without_alembic(ledger: Ledger, ledger_url: str) -> None:
    command = OPEN + "; print('alembic' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", command, ledger_url], input="go\n", text=True, capture_output=True
    )
    assert result.stdout == "ready\nFalse\n", result.stderr


def test_of_more_rows_than_asked_for_so_many_are_drawn_from_all_times(ledger: Ledger) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        prediction(sha256(f"{n}".encode()).hexdigest()) | {"created_at": start + timedelta(hours=n)}
        for n in range(400)
    ]
    ledger.write_predictions(rows)
    drawn = ledger.served(most=100)
    assert len(drawn) == 100
    assert drawn["created_at"].is_monotonic_increasing
    hours = (drawn["created_at"] - start).dt.total_seconds() / 3600
    assert 150 < hours.mean() < 250
    assert len(ledger.served(most=1000)) == 400


def test_since_a_moment_are_rows_that_were_predicted_or_whose_outcome_came(ledger: Ledger) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(4):
        ledger.write_predictions([prediction(f"r{n}") | {"created_at": start + timedelta(days=n)}])
    before = now()
    assert set(ledger.served(since=(start + timedelta(days=1), before))["request_id"]) == {
        "r2",
        "r3",
    }
    take_outcomes(ledger, [Outcome("r0", 0, "yes")])
    found = ledger.served(since=(start + timedelta(days=2), before))
    assert set(found["request_id"]) == {"r0", "r3"}
    assert not len(ledger.served(since=(start + timedelta(days=9), now())))
