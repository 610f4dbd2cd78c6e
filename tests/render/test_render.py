"""Whatever the answers, the project is whole: files parse, values survive, nothing is left over."""

import ast
import csv
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Render = Callable[..., Path]
ANSWERS = json.loads((Path(__file__).parents[2] / "cookiecutter.json").read_text(encoding="utf-8"))
CHOICES = [
    (prompt, choice)
    for prompt, values in ANSWERS.items()
    if isinstance(values, list) and not prompt.startswith("_")
    for choice in values
]
# What is passed as an option is rendered by cookiecutter, hence two columns: given and kept.
NASTY = {
    "quotes": ('it\'s "so"', None),
    "backslashes": ("C:\\new\\table \\", None),
    "emoji": ("Ünïcode 🎉🏽", None),
    "CJK": ("顧客の解約", None),
    "newline": ("two\nlines", None),
    "tab": ("a\tb", None),
    "jinja": ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    "comment": ("# no comment", None),
    "single quotes": ("'''", None),
    "double quotes": ('"""', None),
    "workflow": ("${{ 1 }}", "$1"),
    "yaml": (": - [a]: &b {c} %", None),
    "toml": ("]]\n[data]\nsource = 1", None),
}


def parse_everything(project: Path) -> int:
    """Parses each file of a known format; returns how many there were."""
    parsers: dict[str, Callable[[str], object]] = {
        ".toml": tomllib.loads,
        ".yaml": lambda text: list(yaml.safe_load_all(text)),
        ".yml": lambda text: list(yaml.safe_load_all(text)),
        ".json": json.loads,
        ".ipynb": json.loads,
        ".py": ast.parse,
    }
    files = [path for path in project.rglob("*") if path.is_file() and path.suffix in parsers]
    for path in files:
        try:
            parsers[path.suffix](path.read_text(encoding="utf-8"))
        except (ValueError, SyntaxError, yaml.YAMLError) as error:
            raise AssertionError(f"{path.relative_to(project)} does not parse: {error}") from error
    return len(files)


def find_unrendered(project: Path) -> list[str]:
    found = []
    for path in sorted(project.rglob("*")):
        name = str(path.relative_to(project))
        if "cookiecutter." in name:
            found.append(name)
        if path.is_file() and b"{{ cookiecutter" in path.read_bytes().replace(b"{{c", b"{{ c"):
            found.append(f"inside {name}")
    return found


def read_toml(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def write_header(path: Path, *names: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(names)


@pytest.mark.parametrize(("prompt", "choice"), CHOICES)
@pytest.mark.parametrize("own_table", [False, True])
def test_every_choice_makes_a_whole_project(
    prompt: str, choice: str, own_table: bool, render: Render, here: Path
) -> None:
    write_header(here / "mine.csv", "x", "y")
    table = {"data": "mine.csv", "target": "y"} if own_table else {}
    project = render(**{prompt: choice}, **table)
    assert parse_everything(project) >= 2
    assert find_unrendered(project) == []
    assert (project / "data" / "mine.csv").is_symlink() == own_table
    assert (project / "data" / "example.csv").exists() != own_table


@pytest.mark.parametrize("ci", ["github", "gitlab", "none"])
def test_only_the_chosen_continuous_integration_stays(ci: str, render: Render) -> None:
    project = render(ci=ci)
    left = {name for name in (".github", ".gitlab-ci.yml") if (project / name).exists()}
    assert left == {"github": {".github"}, "gitlab": {".gitlab-ci.yml"}, "none": set()}[ci]


@pytest.mark.parametrize("kind", NASTY)
def test_an_answer_survives_whatever_it_holds(kind: str, render: Render, here: Path) -> None:
    given, kept = NASTY[kind]
    kept = kept or given
    write_header(here / "t.csv", "age", kept, f"{kept} time")
    project = render(
        project_name=f"Nasty {given}",
        project_slug="nasty",
        description=given,
        author=given,
        data="t.csv",
        target=given,
        time_column=f"{given} time",
    )
    parse_everything(project)
    assert find_unrendered(project) == []
    metadata = read_toml(project / "pyproject.toml")["project"]
    # A build backend takes only a description of one line.
    assert metadata["description"] == kept.replace("\n", " ")
    assert metadata["authors"][0]["name"] == kept
    data = read_toml(project / "project.toml")["data"]
    assert (data["source"], data["target"], data["time"]) == ("data/t.csv", kept, f"{kept} time")


@pytest.mark.parametrize("kind", [k for k in NASTY if k not in {"backslashes", "workflow"}])
def test_a_table_may_have_any_file_name(kind: str, render: Render, here: Path) -> None:
    given, kept = NASTY[kind]
    name = f"{kept or given}.csv"
    write_header(here / name, "x", "y")
    project = render(data=f"{given}.csv", target="y")
    assert read_toml(project / "project.toml")["data"]["source"] == f"data/{name}"
    assert (project / "data" / name).resolve() == here / name


def test_a_value_that_looks_like_a_number_stays_text(render: Render, here: Path) -> None:
    write_header(here / "t.csv", "2023", "2024")
    data = read_toml(render(data="t.csv", target="2024") / "project.toml")["data"]
    assert (data["target"], data["time"]) == ("2024", "")


def test_a_file_that_does_not_parse_is_noticed(render: Render) -> None:
    project = render()
    (project / "planted.toml").write_text("a = = 1")
    with pytest.raises(AssertionError, match=r"planted\.toml does not parse"):
        parse_everything(project)


def test_an_unrendered_place_is_noticed(render: Render) -> None:
    project = render()
    (project / "planted.md").write_text("{{cookiecutter.author}}")
    assert find_unrendered(project) == ["inside planted.md"]


def test_rendering_changes_no_line_of_python(template: Path, render: Render) -> None:
    source, package = template / "{{cookiecutter.project_slug}}", "{{cookiecutter.__package}}"
    project = render(description="A {brace} of descriptions")
    for path in source.rglob("*.py"):
        inside = str(path.relative_to(source)).replace(package, "customer_churn")
        assert (project / inside).read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
