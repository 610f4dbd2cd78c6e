"""A project that was renamed or copied: `make` notices, and nothing reaches the former folder."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..project import Project, get, installed, post

NAME = 'it\'s a "test" ?#%2F ü'


@pytest.fixture(scope="module")
def trained(make_project: Callable[..., Project]) -> Project:
    """A project that has served, in a folder of a difficult name; it is moved and copied."""
    project = installed(make_project())
    project.edit("budget_seconds = 10", "budget_seconds = 0.001")
    (project.root.parent / NAME).mkdir()
    moved = Project(project.root.rename(project.root.parent / NAME / "customer-churn"))
    for verb in ("check-data", "train", "promote"):
        done = installed(moved).verb(verb)
        assert done.returncode == 0, done.stdout + done.stderr
    return moved


def lives_on(project: Project) -> None:
    """Set up, serve and retrain where nothing of the former folder can be reached."""
    installed(project)
    shutil.rmtree(project.root / "releases")
    with project.serving() as address:
        row = json.loads(get(address, "/model"))["typical_row"]
        assert post(address, "/predict", {"rows": [row]})[0] == 200
    done = project.verb("retrain")
    assert done.returncode in (0, 1), done.stderr
    assert "Version 2: " in done.stdout
    home = project.ask(f"import {project.package} as package\nanswer = package.__file__")
    assert Path(home).is_relative_to(project.root)


@pytest.mark.nightly  # two environments, two minutes
def test_a_project_goes_on_after_a_move(trained: Project, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "customer-churn"
    shutil.copytree(trained.root, copy, symlinks=True)
    away = trained.root.rename(trained.root.with_name("away"))
    try:
        lives_on(Project(copy))
        script = copy / ".venv" / "bin" / "customer-churn"
        assert subprocess.run([script, "card"], cwd=copy).returncode == 0
    finally:
        away.rename(trained.root)


def test_setup_does_nothing_where_the_project_stayed(trained: Project) -> None:
    before = (trained.root / ".venv" / "ready").stat().st_mtime_ns
    assert installed(trained).root == trained.root
    assert (trained.root / ".venv" / "ready").stat().st_mtime_ns == before


def test_the_check_is_green_after_a_training_without_git(trained: Project) -> None:
    assert list(trained.root.glob(".search/**/*.py")), "what joblib writes is Python"
    for folder in ("mlruns", "releases", "reports", "data", ".tour"):
        (trained.root / folder).mkdir(exist_ok=True)
        (trained.root / folder / "theirs.py").write_text("import os,sys\n", encoding="utf-8")
    done = trained.make("check")
    assert done.returncode == 0, done.stdout + done.stderr
