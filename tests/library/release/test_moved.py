"""A project may be renamed, moved or copied, into a folder of any name, and goes on as it was."""

import hashlib
import random
import shutil
import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ml_lifecycle.download import local
from ml_lifecycle.ledger.backup import backup
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release import registry
from ml_lifecycle.release.promotion import rollback
from project.lifecycle import ask_gate, predict, retrain
from project.settings import Settings, sqlite_file, sqlite_url
from project.training import train
from sqlalchemy import create_engine, make_url

SIGNS = "a B?#%&+=;:@~^!$`|<>()[]{}*,.\\'\"äß名🎉"
NAMES = [
    "a b",
    "what?",
    "100%",
    "no #1",
    "it's",
    'a "b"',
    'it\'s "b"',
    "Kündigung 名",
    "back\\slash",
]


def anywhere(seed: int) -> str:
    draw = random.Random(seed)
    return "x" + "".join(draw.choice(SIGNS) for _ in range(draw.randint(1, 20)))


def contents(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def places(root: Path) -> list[str]:
    columns = [("experiments", "artifact_location"), ("runs", "artifact_uri")]
    columns += [("model_versions", "source"), ("model_versions", "storage_location")]
    query = " UNION ".join(f"SELECT {column} FROM {table}" for table, column in columns)
    with sqlite3.connect(root / "mlflow.db") as database:
        return [place for (place,) in database.execute(query)]


def log(opened: Any, experiment: str) -> str:
    run_id = str(opened.create_run(experiment).info.run_id)
    opened.log_text(run_id, "said", "a.txt")
    return run_id


def lives_on(settings: Settings, rows: Any, quiet: Any, serving: Any) -> None:
    """Fetch, predict, train, promote, serve, retrain and go back, with no copies of releases."""
    shutil.rmtree(settings.project.root / "releases")
    assert champions.champion(settings).number == 1
    output = settings.project.root / "out.csv"
    assert predict(settings, str(settings.project.root / "table.csv"), output)[1] == 1
    assert len(pd.read_csv(output)) == len(rows[0])
    train(*rows, settings, quiet)
    ask_gate(settings, override="the project was moved")
    with serving(settings) as running:
        usual = running.http.get("/model").json()["typical_row"]
        answer = running.http.post("/predict", json={"rows": [usual]}).json()
        assert answer["version"] == 2
        outcome = {"request_id": answer["request_id"], "row": 0, "value": "no"}
        running.http.post("/outcomes", json={"outcomes": [outcome]})
    assert retrain(settings, quiet)[0].version.number == 3
    assert rollback(settings.registry, settings.approver) == (2, 1)


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
    moved = trained.root.rename(tmp_path / 'then ?#% it\'s "moved" ü')
    lives_on(trained.model_copy(update={"root": moved}), champion.rows, quiet, serving)
    assert not trained.root.exists()
    assert [path.name for path in tmp_path.iterdir()] == [moved.name]


def test_a_copy_goes_on_and_leaves_the_original_as_it_is(
    trained: Settings, champion: Any, quiet: Any, serving: Any, tmp_path: Path
) -> None:
    shutil.copytree(trained.root, tmp_path / "copy")
    before = contents(trained.root)
    copy = trained.model_copy(update={"root": tmp_path / "copy"})
    lives_on(copy, champion.rows, quiet, serving)
    assert contents(trained.root) == before
    assert [place for place in places(copy.root) if str(trained.root) in place] == []


def test_a_move_is_said_once(
    champion: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = champion.copy(tmp_path / "here")
    for _ in range(2):
        registry.client(settings)
    said = [record.getMessage() for record in caplog.records if "The project was" in record.message]
    assert len(said) == 1
    assert str(settings.project.root) in said[0]


def test_files_kept_elsewhere_stay_where_they_are(empty_registry: Path, tmp_path: Path) -> None:
    shutil.copy(empty_registry, tmp_path)
    settings = Settings(root=tmp_path, data=DataSettings(source="none", target="none"))
    away = "s3://bucket/mlruns"
    registry.client(settings).create_experiment(registry.NAME, artifact_location=away)
    found = registry.client(settings).get_experiment_by_name(registry.NAME)
    assert found.artifact_location == away


@pytest.mark.parametrize("name", NAMES + [anywhere(seed) for seed in range(6)])
def test_a_registry_works_and_moves_under_any_name(
    empty_registry: Path, tmp_path: Path, name: str
) -> None:
    about = DataSettings(source="none", target="none")
    roots = [tmp_path / name, tmp_path / f"{name} moved", tmp_path / f"moved {name}"]
    roots[0].mkdir()
    shutil.copy(empty_registry, roots[0])
    opened = registry.client(Settings(root=roots[0], data=about))
    where = (roots[0] / "mlruns").as_uri()
    experiment = opened.create_experiment(registry.NAME, artifact_location=where)
    made = [log(opened, experiment)]
    for old, new in pairwise(roots):
        old.rename(new)
        moved = registry.client(Settings(root=new, data=about))
        made.append(log(moved, experiment))
        folders = [local(moved.get_run(run_id).info.artifact_uri) for run_id in made]
        assert {folder.parents[2] for folder in folders if folder} == {new}
        assert all((folder / "a.txt").is_file() for folder in folders if folder)
        assert [path.name for path in tmp_path.iterdir()] == [new.name]


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
    settings = Settings(root=root, data=DataSettings(source="none", target="none"))
    with Ledger(settings.project.ledger_url) as ledger:
        ledger.decide("promotion", "hold", "because")
    assert backup(settings, tmp_path / "b.db", quiet)["decisions"] == 1
    assert (root / "ledger.db").exists()
