"""A project may be renamed, moved or copied, into a folder of any name, and goes on as it was."""

import hashlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ml_lifecycle.ledger.backup import backup
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.project import sqlite_file, sqlite_url
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release.promotion import rollback
from names import NAMES, anywhere
from project.lifecycle import ask_gate, predict, retrain
from project.settings import Settings
from sqlalchemy import create_engine, make_url
from world import check, moved, project_at, train


def contents(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def places(root: Path) -> list[str]:
    columns = [("experiments", "artifact_location"), ("runs", "artifact_uri")]
    columns += [("model_versions", "source"), ("model_versions", "storage_location")]
    query = " UNION ".join(f"SELECT {column} FROM {table}" for table, column in columns)
    with sqlite3.connect(root / "mlflow.db") as database:
        return [place for (place,) in database.execute(query)]


def lives_on(settings: Settings, rows: Any, quiet: Any, serving: Any) -> None:
    """Fetch, predict, train, promote, serve, retrain and go back, with no copies of releases."""
    shutil.rmtree(settings.project.root / "releases")
    assert champions.champion_release(settings.registry)[0].number == 1
    output = settings.project.root / "out.csv"
    assert predict(settings, str(settings.project.root / "table.csv"), output, quiet).version == 1
    assert len(pd.read_csv(output)) == len(rows[0])
    train(*rows, settings, quiet)
    ask_gate(settings, override="the project was moved")
    with serving(settings) as running:
        usual = running.http.get("/model").json()["typical_row"]
        answer = running.http.post("/predict", json={"rows": [usual]}).json()
        assert answer["version"] == 2
        outcome = {"request_id": answer["request_id"], "row": 0, "value": "no"}
        running.http.post("/outcomes", json={"outcomes": [outcome]})
    assert retrain(settings, quiet)[0].number == 3
    assert rollback(settings.registry, settings.approver) == (3, 2)


@pytest.fixture
def trained(project: Any, champion: Any, quiet: Any) -> Settings:
    """A project that was trained where it is, whose first version serves."""
    settings = project()
    check(settings)
    train(*champion.rows, settings, quiet)
    assert ask_gate(settings).verdict == "promote"
    return settings


def test_a_project_goes_on_after_a_move(
    trained: Settings, champion: Any, quiet: Any, serving: Any, tmp_path: Path
) -> None:
    here = trained.project.root.rename(tmp_path / 'then ?#% it\'s "moved" ü')
    there = trained.model_copy(update={"project": trained.project.at(here)})
    lives_on(there, champion.rows, quiet, serving)
    assert not trained.project.root.exists()
    assert [path.name for path in tmp_path.iterdir()] == [here.name]


def test_a_copy_goes_on_and_leaves_the_original_as_it_is(
    trained: Settings, champion: Any, quiet: Any, serving: Any, tmp_path: Path
) -> None:
    original = trained.project.root
    before = contents(original)
    copy = moved(trained, tmp_path / "copy")
    lives_on(copy, champion.rows, quiet, serving)
    assert contents(original) == before
    assert [place for place in places(copy.project.root) if str(original) in place] == []


@pytest.mark.parametrize("seed", range(40))
def test_the_url_of_a_database_names_its_file_under_any_name(tmp_path: Path, seed: int) -> None:
    file = tmp_path / anywhere(seed) / "ledger.db"
    file.parent.mkdir()
    assert make_url(sqlite_url(file)).database == str(file)
    assert sqlite_file(sqlite_url(file)) == file
    engine = create_engine(sqlite_url(file))
    engine.connect().close()
    engine.dispose()
    assert file.exists()


def test_a_ledger_of_any_name_is_written_and_backed_up(tmp_path: Path, quiet: Any) -> None:
    root = tmp_path / NAMES[6] / "a?b#c%d"
    root.mkdir(parents=True)
    project = project_at(root)
    with Ledger(project.ledger_url) as ledger:
        ledger.decide("promotion", "hold", "because")
    assert backup(project, tmp_path / "b.db", quiet)["decisions"] == 1
    assert (root / "ledger.db").exists()
