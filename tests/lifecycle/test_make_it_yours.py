"""What docs/make-it-yours.md says is done word by word, and works."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..project import Project, get

OfTable = Callable[..., Project]
QUICK = ("budget_seconds = 25", "budget_seconds = 0.001")
SAID = re.compile(
    r"^In `([\w.]+)`, (above|instead of) `(.+?)`:\n\n((?:(?:    .*)?\n)+?)(?=^\S|\Z)", re.MULTILINE
)
# What could mind a feature, a candidate or a question that it does not know.
CONCERNED = (
    "data/test_features.py", "model", "infrastructure/test_pipeline.py", "unit/test_card.py"
)  # fmt: skip


def page(project: Project) -> str:
    return (project.root / "docs" / "make-it-yours.md").read_text(encoding="utf-8")


def place(project: Project, name: str) -> Path:
    inside = project.root / "src" / project.package / name
    return inside if name.endswith(".py") else project.root / name


def do(project: Project, text: str) -> int:
    """Make the changes that a page describes; returns how many there were."""
    changes = SAID.findall(text)
    for name, way, where, block in changes:
        path = place(project, name)
        code = path.read_text(encoding="utf-8")
        assert code.count(where) == 1, (name, where)
        new = "\n".join(line.removeprefix("    ") for line in block.rstrip("\n").split("\n"))
        after = f"\n{where}" if way == "above" else ""
        path.write_text(code.replace(where, new + after), encoding="utf-8")
    return len(changes)


@pytest.fixture(scope="module")
def mine(of_table: OfTable, default: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with everything of its own, each as the page says."""
    table = tmp_path_factory.mktemp("mine") / "customers.csv"
    table.write_bytes((default.root / "data" / "example.csv").read_bytes())
    project = of_table(table, project_slug="made-mine", target="churned", time_column="month")
    project.edit(*QUICK)
    assert do(project, page(project)) == 17
    section = page(project).split("## A page\n")[1].split("\n## ")[0]
    commands = "\n".join(line for line in section.splitlines() if line.startswith("    "))
    subprocess.run(["bash", "-eu", "-c", commands], cwd=project.root, check=True)
    for words in (["check", "--fix"], ["format"]):  # as `make fix` does
        command = [project.python, "-m", "ruff", *words, "."]
        subprocess.run(command, cwd=project.root, check=True, capture_output=True)
    assert project.verb("check-data").returncode == 0
    return project


def test_everything_of_ones_own_comes_to_serve(mine: Project) -> None:
    for verb in (["train"], ["promote", "--override", "to see it serve"]):
        done = mine.verb(*verb)
        assert done.returncode == 0, done.stdout + done.stderr
    candidates, metric, floors, asked = mine.ask(
        "from ml_lifecycle.ledger import Ledger\nfrom ml_lifecycle.release import champion\n"
        "release = champion.champion_release(registry)[1]\nknown = release.evaluation\n"
        "(last,) = Ledger(project.ledger_url).decisions('promotion')\n"
        "answer = [[one.candidate for one in known.ladder], known.metric,"
        " [floor.slice for floor in known.slice_floors],"
        " [check['name'] for check in last.details['checks']]]"
    )
    assert "forest" in candidates
    assert metric == "balanced_accuracy"
    assert floors == ["plan == 'premium' and usage_hours > 20"]
    assert "size" in asked
    with mine.serving() as address:
        assert json.loads(get(address, "/version")) == {"version": 1}
    report = (mine.root / "reports" / "version-1.html").read_text(encoding="utf-8")
    assert "Owned by the churn team." in report


def test_a_feature_of_ones_own_is_a_step_of_the_model(mine: Project) -> None:
    steps = mine.ask(
        "from ml_lifecycle.data import load_contract\nfrom PACKAGE.features import features\n"
        "contract = load_contract(project.contract_path, settings.data)\n"
        "answer = [name for name, *_ in features(contract, 'trees').transformers]"
    )
    assert "fee per hour" in steps


def test_a_verb_and_an_action_of_ones_own_do_what_they_say(mine: Project) -> None:
    assert mine.verb("who").stdout.startswith("Version 1: ")
    assert mine.verb("drift").returncode == 1
    assert not (mine.root / "alarms.txt").exists()  # too few rows are no alarm


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("pytest", "-q", *(f"tests/{path}" for path in CONCERNED)),
    ],
)
def test_checks_and_tests_stay_green_with_what_is_ones_own(
    mine: Project, command: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [mine.python, "-m", *command], cwd=mine.root, env=mine.env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
