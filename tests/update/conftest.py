"""The template as a repository of its own, as cruft knows it."""

import os
import subprocess
from pathlib import Path

import pytest

# Nobody's own settings (signing, hooks, default branch) take part.
GIT_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.com",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.com",
}


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "All there is")


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The template as it lies in the working folder, uncommitted work and all, as a repository."""
    listed = git(template, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name, value in GIT_SETTINGS.items():
        monkeypatch.setenv(name, value)
    copy = tmp_path / "template"
    for name in filter(None, listed.split("\0")):
        if (template / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((template / name).read_bytes())
            (copy / name).chmod((template / name).stat().st_mode)
    git(tmp_path, "init", "--quiet", str(copy))
    commit_all(copy)
    return copy
