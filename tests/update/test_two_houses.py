"""A project of the six folders becomes one of recipe and library, as the changelog says."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cruft
import pytest

from ..project import Project, installed
from .conftest import commit_all, git

# The last commit of the template whose projects were six folders, without a library.
SIX_FOLDERS = "6edc0a4"
BLOCK = r"^In `features.py`, above `(.+?)`:\n\n((?:(?:    .*)?\n)+?)(?=^\S|\Z)"
RENAMED = r"^  \| `\[(\w+)\]` \| (.+?) \|$"


pytestmark = pytest.mark.nightly  # three minutes


@pytest.fixture
def with_history(template: Path, repository: Path, tmp_path: Path) -> Path:
    """The template as it lies in the working folder, on top of its history."""
    known = subprocess.run(
        ["git", "-C", str(template), "cat-file", "-e", SIX_FOLDERS], capture_output=True
    )
    if known.returncode:
        pytest.skip(f"this clone has no history back to {SIX_FOLDERS}")
    copy = tmp_path / "history"
    git(tmp_path, "clone", "--quiet", str(template), str(copy))
    git(copy, "rm", "--quiet", "-r", ".")
    git(copy, "fetch", "--quiet", str(repository))
    git(copy, "checkout", "FETCH_HEAD", "--", ".")
    git(copy, "commit", "--quiet", "--allow-empty", "--message", "As it lies there")
    return copy


def add_feature(project: Project, page: str) -> None:
    """Add the feature of docs/make-it-yours.md where features were, in the six folders."""
    path = project.root / "src" / project.package / "model" / "features.py"
    code = path.read_text(encoding="utf-8")
    blocks = re.findall(BLOCK, page, re.MULTILINE)
    assert len(blocks) == 2
    for where, block in blocks:
        lines = "\n".join(line.removeprefix("    ") for line in block.strip("\n").split("\n"))
        gap = "\n\n\n" if where.startswith("def") else "\n"
        code = code.replace(where, f"{lines}{gap}{where}")
    path.write_text(code, encoding="utf-8")


def resolve(text: str, changelog: str) -> str:
    """In a conflict take the template's line, and give it the value that stood beside the old."""
    new = {
        old: now
        for _, names in re.findall(RENAMED, changelog, re.MULTILINE)
        for old, now in re.findall(r"`(\w+)` → `(\w+)`", names)
    }

    def one(conflict: re.Match[str]) -> str:
        mine, theirs = conflict["mine"], conflict["theirs"]
        for key, value in re.findall(r"^(\w+) = (\S+)", mine, re.MULTILINE):
            theirs = re.sub(rf"(?m)^({new.get(key, key)}) = \S+", rf"\1 = {value}", theirs)
        return theirs

    marks = r"<<<<<<< .*\n(?P<mine>(?:.*\n)*?)=======\n(?P<theirs>(?:.*\n)*?)>>>>>>> .*\n"
    return re.sub(marks, one, text)


def test_a_project_of_six_folders_gets_the_two_houses_by_an_update(
    with_history: Path, template: Path, tmp_path: Path, neutral_config: Path
) -> None:
    changelog = (template / "CHANGELOG.md").read_text(encoding="utf-8")
    guide = (template / "{{cookiecutter.project_slug}}/docs/make-it-yours.md").read_text("utf-8")
    created = cruft.create(
        str(with_history), tmp_path / "crufted", neutral_config, checkout=SIX_FOLDERS
    )
    project = Project(created)
    git(project.root, "init", "--quiet")
    commit_all(project.root)
    project.edit("seconds = 10", "seconds = 0.001")
    add_feature(project, guide)
    installed(project)
    for verb in ("check-data", "train", "promote"):
        assert project.verb(verb).returncode == 0, verb
    git(project.root, "add", "--all")
    git(project.root, "commit", "--quiet", "--message", "Ours")

    done = subprocess.run(
        [sys.executable, "-m", "cruft", "update", "--skip-apply-ask"],
        cwd=project.root, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    toml = project.root / "project.toml"
    toml.write_text(resolve(toml.read_text(encoding="utf-8"), changelog), encoding="utf-8")
    assert "budget_seconds = 0.001" in toml.read_text(encoding="utf-8")
    assert not (project.root / "src" / project.package / "model").exists()
    code = (project.root / "src" / project.package / "features.py").read_text(encoding="utf-8")
    assert "class Ratio" in code
    assert "<<<<" not in code

    installed(project)
    assert project.verb("check-data").returncode == 0
    trained = project.verb("train")
    assert trained.returncode == 0, trained.stderr
    refused = project.verb("promote")
    assert refused.returncode != 0
    promoted = project.verb("promote", "--override", "the two houses", "--anchor")
    assert promoted.returncode == 0, promoted.stderr
    assert "fee per hour" in project.ask(
        "from ml_lifecycle.release.champion import champion_release\n"
        "model = champion_release(registry)[1].model\n"
        "answer = str(model.get_params())"
    )
    for target in ("check", "test"):
        done = project.make(target, "PYTEST_ADDOPTS=tests/data")
        assert done.returncode == 0, done.stdout[-3000:]
    commit_all(project.root)
    assert "up to date" in project.make("update").stdout


def test_make_update_says_what_to_do_where_nobody_knows_the_template(
    render: Callable[..., Path],
) -> None:
    project = Project(render())
    (project.root / ".venv").mkdir()
    done = project.make("--assume-old=setup", "--assume-old=.venv/ready", "update")
    assert done.returncode == 2
    assert "cruft link" in done.stdout
