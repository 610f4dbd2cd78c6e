"""MLflow's files are found after a move, under any name; what lies elsewhere stays there."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ml_lifecycle.download import local
from ml_lifecycle.release.client import experiment_id, open_client
from names import NAMES, anywhere
from world import Champion, project_at


def log(opened: Any, experiment: str) -> str:
    run_id = str(opened.create_run(experiment).info.run_id)
    opened.log_text(run_id, "said", "a.txt")
    return run_id


def test_a_move_is_said_once(
    champion: Champion, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = champion.copy(tmp_path / "here")
    for _ in range(2):
        open_client(settings.project)
    said = [record.getMessage() for record in caplog.records if "The project was" in record.message]
    assert len(said) == 1
    assert str(settings.project.root) in said[0]


def test_files_kept_elsewhere_stay_where_they_are(empty_registry: Path, tmp_path: Path) -> None:
    shutil.copy(empty_registry, tmp_path)
    project = project_at(tmp_path)
    away = "s3://bucket/mlruns"
    open_client(project).create_experiment(project.name, artifact_location=away)
    found = open_client(project).get_experiment_by_name(project.name)
    assert found.artifact_location == away


@pytest.mark.parametrize("name", NAMES + [anywhere(seed) for seed in range(6)])
def test_a_registry_works_and_moves_under_any_name(
    empty_registry: Path, tmp_path: Path, name: str
) -> None:
    roots = [tmp_path / name, tmp_path / f"{name} moved", tmp_path / f"moved {name}"]
    roots[0].mkdir()
    shutil.copy(empty_registry, roots[0])
    opened = open_client(project_at(roots[0]))
    experiment = experiment_id(project_at(roots[0]), opened)
    made = [log(opened, experiment)]
    for old, new in pairwise(roots):
        old.rename(new)
        moved = open_client(project_at(new))
        made.append(log(moved, experiment))
        folders = [local(moved.get_run(run_id).info.artifact_uri) for run_id in made]
        assert {folder.parents[2] for folder in folders if folder} == {new}
        assert all((folder / "a.txt").is_file() for folder in folders if folder)
        assert [path.name for path in tmp_path.iterdir()] == [new.name]
