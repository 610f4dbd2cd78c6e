"""cruft makes the same project as cookiecutter, and updates it wherever it is checked out."""

import csv
from collections.abc import Callable
from pathlib import Path

import cruft
import pytest

from .conftest import commit_all, git


def read_tree(project: Path) -> dict[str, bytes]:
    files = [path for path in project.rglob("*") if path.is_file() or path.is_symlink()]
    return {str(path.relative_to(project)): path.read_bytes() for path in files}


@pytest.fixture
def create(repository: Path, tmp_path: Path, neutral_config: Path) -> Callable[..., Path]:
    def create_project(**answers: str) -> Path:
        return cruft.create(
            str(repository),
            output_dir=tmp_path / "crufted",
            config_file=neutral_config,
            extra_context=answers,
        )

    return create_project


@pytest.mark.parametrize("answers", [{}, {"ci": "none", "author": 'A "B" 🎉'}])
def test_cruft_makes_what_cookiecutter_makes(
    answers: dict[str, str], create: Callable[..., Path], render: Callable[..., Path]
) -> None:
    ours = read_tree(create(**answers))
    assert ours.pop(".cruft.json")
    assert ours == read_tree(render(**answers))


@pytest.mark.parametrize("data", ["none.csv", "~nobody-here/none.csv", "C:\\tables\\none.csv"])
def test_cruft_needs_no_table(data: str, create: Callable[..., Path]) -> None:
    project = create(data=data, target="y")
    assert 'source = "data/none.csv"' in (project / "project.toml").read_text(encoding="utf-8")
    assert not (project / "data" / "none.csv").is_symlink()


def test_an_update_works_where_the_table_is_not(
    create: Callable[..., Path], repository: Path, here: Path
) -> None:
    table = here / "mine.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(["x", "y"])
    project = create(data=str(table), target="y")
    git(project, "init", "--quiet")
    with (project / "README.md").open("a", encoding="utf-8") as file:
        file.write("\nA line of the engineer's own.\n")
    commit_all(project)
    table.unlink()
    new = repository / "{{cookiecutter.project_slug}}" / "new.md"
    new.write_text("For {{ cookiecutter.author }}\n", encoding="utf-8")
    commit_all(repository)
    assert cruft.update(project, skip_apply_ask=True)
    assert (project / "new.md").read_text(encoding="utf-8") == "For Your Name\n"
    assert "engineer's own" in (project / "README.md").read_text(encoding="utf-8")
    assert cruft.check(project)
