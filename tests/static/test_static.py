"""What can be said of a rendered project without installing it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ..digest import SOURCE, digest

Render = Callable[..., Path]
# Wings of the library, from the ground up; an import runs down only.
FLOORS = {
    "tables": 1, "ledger": 1, "data": 2, "evaluation": 3, "model": 3, "release": 4,
    "monitoring": 5, "service": 5, "pages": 6, "trying": 6,
}  # fmt: skip


def run_ruff(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def recipe_of(project: Path) -> Path:
    content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return project / "src" / content["tool"]["uv"]["build-backend"]["module-name"][0]


def library_of(project: Path) -> Path:
    return project / "src" / "ml_lifecycle"


def imported(path: Path) -> list[ast.ImportFrom]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def upward_imports(library: Path) -> list[str]:
    """Imports from a wing to one above it, as `module -> wing`."""
    found = []
    for path in library.rglob("*.py"):
        inside = path.relative_to(library).parts
        own = FLOORS.get(inside[0])
        for node in imported(path):
            if own and node.level == len(inside):
                names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
                found += [f"{path.name} -> {n}" for n in names if FLOORS.get(n, 0) > own]
    return found


def names_of(wing: Path) -> set[str]:
    """What a wing's `__all__` says."""
    tree = ast.parse((wing / "__init__.py").read_text(encoding="utf-8"))
    given = [n.value for n in ast.walk(tree) if isinstance(n, ast.Assign)]
    lists = [value for value in given if isinstance(value, ast.List)]
    return {str(item.value) for one in lists for item in one.elts if isinstance(item, ast.Constant)}


def past_public_names(project: Path) -> list[str]:
    """What the recipe imports of the library that no `__all__` names, as `module: name`."""
    library, found = library_of(project), []
    for path in recipe_of(project).rglob("*.py"):
        for node in imported(path):
            parts = (node.module or "").split(".")
            if node.level or parts[0] != "ml_lifecycle":
                continue
            home = library.joinpath(*parts[1:])
            deep = len(parts) > 2
            allowed = names_of(home) if home.is_dir() else {alias.name for alias in node.names}
            found += [f"{path.name}: {a.name}" for a in node.names if deep or a.name not in allowed]
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
    with (recipe_of(project) / "gate.py").open("a", encoding="utf-8") as file:
        file.write(fault)
    assert run_ruff(project, *command).returncode == 1


def test_every_file_of_code_and_tests_is_linted(render: Render) -> None:
    project = render()
    listed = set(run_ruff(project, "check", "--show-files").stdout.splitlines())
    code = [*project.glob("src/**/*.py"), *project.glob("tests/**/*.py")]
    assert [path for path in code if str(path) not in listed] == []


def test_the_library_names_no_project_and_imports_no_recipe(render: Render) -> None:
    project = render()
    package, library = recipe_of(project).name, library_of(project)
    for path in library.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert package not in text
        assert "cookiecutter" not in text
        inside = len(path.relative_to(library).parts)
        assert all(node.level <= inside for node in imported(path)), path


def test_imports_only_run_down_the_floors(render: Render) -> None:
    assert upward_imports(library_of(render())) == []


def test_an_import_that_runs_up_is_seen(render: Render) -> None:
    library = library_of(render())
    (library / "data" / "wrong.py").write_text("from ..release import gate\n", encoding="utf-8")
    assert upward_imports(library) == ["wrong.py -> release"]


def test_the_recipe_takes_only_what_a_wing_offers(render: Render) -> None:
    assert past_public_names(render()) == []


@pytest.mark.parametrize(
    "line",
    ["from ml_lifecycle.data.rows import to_frame\n", "from ml_lifecycle.data import rows\n"],
)
def test_an_import_past_the_public_names_is_seen(render: Render, line: str) -> None:
    project = render()
    (recipe_of(project) / "wrong.py").write_text(line, encoding="utf-8")
    assert len(past_public_names(project)) == 1


def test_a_recipe_is_flat_and_read_in_an_afternoon(render: Render) -> None:
    modules = {p: len(p.read_text("utf-8").splitlines()) for p in recipe_of(render()).rglob("*.py")}
    assert max(modules.values()) <= 200
    assert sum(modules.values()) <= 2000
    assert len({path.parent for path in modules}) == 1


def test_a_module_of_the_library_is_read_in_a_sitting(render: Render) -> None:
    library = library_of(render())
    sizes = {p: len(p.read_text("utf-8").splitlines()) for p in library.rglob("*.py")}
    assert {path.name: size for path, size in sizes.items() if size > 250} == {}
    for wing in FLOORS:
        assert sum(size for path, size in sizes.items() if library / wing in path.parents) <= 2000


def test_the_library_is_the_same_in_every_project_and_the_recipe_knows_it(render: Render) -> None:
    project = render(project_name="Ärger & Co {% raw %}{{ x }}{% endraw %}", project_slug="other")
    for path in (SOURCE / "ml_lifecycle").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copied = library_of(project) / path.relative_to(SOURCE / "ml_lifecycle")
            assert copied.read_bytes() == path.read_bytes()
    text = (recipe_of(project) / "__init__.py").read_text(encoding="utf-8")
    assert f'LIBRARY = "{digest()}"' in text, "`make fix` writes it"


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
