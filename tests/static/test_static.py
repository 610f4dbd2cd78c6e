"""What can be said of a rendered project without installing it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

Render = Callable[..., Path]
FLOORS = {
    "words": 0, "settings": 1, "tables": 1, "ledger": 2, "data": 2, "backup": 3, "evaluation": 3,
    "release": 4, "model": 5, "service": 5, "monitoring": 5, "lifecycle": 6, "replay": 6,
    "tour": 7, "cli": 8,
}  # fmt: skip


def run_ruff(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def package_of(project: Path) -> Path:
    return next(path.parent for path in project.glob("src/*/__init__.py"))


def upward_imports(package: Path) -> list[str]:
    """Imports from a floor to one above it, as `module -> wing`."""
    found = []
    for path in package.rglob("*.py"):
        inside = path.relative_to(package).parts
        own = FLOORS.get(inside[0].removesuffix(".py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == len(inside) and own:
                names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
                found += [f"{path.name} -> {n}" for n in names if FLOORS.get(n, 0) > own]
    return found


def test_a_rendered_project_is_formatted_and_lint_free(render: Render) -> None:
    project = render()
    lint, style = run_ruff(project, "check"), run_ruff(project, "format", "--check")
    assert lint.returncode == 0, lint.stdout
    assert style.returncode == 0, style.stdout


@pytest.mark.parametrize(
    ("fault", "command"),
    [("import os\n", ("check",)), ("x = {'a':1}\n", ("format", "--check"))],
)
def test_the_projects_own_ruff_settings_turn_red_on_a_fault(
    render: Render, fault: str, command: tuple[str, ...]
) -> None:
    project = render()
    with (package_of(project) / "errors.py").open("a", encoding="utf-8") as file:
        file.write(fault)
    assert run_ruff(project, *command).returncode == 1


def test_every_file_of_code_and_tests_is_linted(render: Render) -> None:
    project = render()
    listed = set(run_ruff(project, "check", "--show-files").stdout.splitlines())
    code = [*project.glob("src/**/*.py"), *project.glob("tests/**/*.py")]
    assert [path for path in code if str(path) not in listed] == []


def test_imports_within_the_package_are_relative(render: Render) -> None:
    package = package_of(render())
    named = re.compile(rf"^\s*(from|import) {package.name}\b", re.MULTILINE)
    assert not [p for p in package.rglob("*.py") if named.search(p.read_text(encoding="utf-8"))]


def test_imports_only_run_down_the_floors(render: Render) -> None:
    assert upward_imports(package_of(render())) == []


def test_an_import_that_runs_up_is_seen(render: Render) -> None:
    package = package_of(render())
    (package / "data" / "wrong.py").write_text("from ..release import gate\n", encoding="utf-8")
    assert upward_imports(package) == ["wrong.py -> release"]


def test_both_lock_files_hold_what_pyproject_declares_and_name_no_host(render: Render) -> None:
    project = render()
    declared = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    service = names(declared["project"]["dependencies"])
    everything = service | names(declared["project"]["optional-dependencies"]["train"])
    everything |= names(declared["dependency-groups"]["dev"])
    for lock, wanted in (("service", service), ("dev", everything)):
        text = (project / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
        locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
        assert wanted <= locked
        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(locked)


def test_the_service_needs_neither_mlflows_server_nor_plotting(render: Render) -> None:
    text = (render() / "requirements" / "service.lock").read_text(encoding="utf-8")
    assert not re.search(r"^(mlflow|flask|gunicorn|matplotlib|pyarrow)==", text, re.MULTILINE)


def test_every_dependency_has_a_lower_and_an_upper_bound(render: Render) -> None:
    declared = tomllib.loads((render() / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = [
        *declared["project"]["dependencies"],
        *declared["project"]["optional-dependencies"]["train"],
        *declared["dependency-groups"]["dev"],
        *declared["build-system"]["requires"],
    ]
    assert [
        r for r in requirements if not re.fullmatch(r"[\w.-]+(\[\w+\])?>=[\d.]+,<[\d.]+", r)
    ] == []


def test_no_locked_library_can_be_taken_as_the_packages_name(template: Path) -> None:
    hook = (template / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
    names_there: dict[str, frozenset[str]] = {}
    exec(hook.split("# fmt: off")[1].split("# fmt: on")[0], {"frozenset": frozenset}, names_there)
    lock = template / "{{cookiecutter.project_slug}}" / "requirements" / "dev.lock"
    locked = re.findall(r"^([\w.-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)
    packages = {re.sub(r"[-.]", "_", name).lower() for name in locked}
    assert packages - names_there["DEPENDENCIES"] == set()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[>=<\[ ;]", requirement)[0].lower() for requirement in requirements}
