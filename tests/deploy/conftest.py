"""A rendered project, and a copy of it in which one thing is wrong."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ..project import Project

UNASKED = ("data", "docs", "notebooks", "requirements", "tests", "compiled", "pages")
Break = Callable[[str, str, str], Path]


@pytest.fixture(scope="session")
def root(make_project: Callable[..., Project]) -> Path:
    return make_project().root


@pytest.fixture
def broken(root: Path, tmp_path: Path) -> Break:
    """Return a copy of the project with a text in one file put in place of another."""

    def break_project(file: str, old: str, new: str) -> Path:
        copy = shutil.copytree(root, tmp_path / "broken", ignore=shutil.ignore_patterns(*UNASKED))
        text = (copy / file).read_text(encoding="utf-8")
        assert old in text
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
        return copy

    return break_project
