"""What the template promises about itself, read from its files without rendering them."""

import ast
import fnmatch
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BY_COOKIECUTTER = {"_output_dir", "_repo_dir", "_template", "_checkout"}
WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
LEFT_BY_TOOLS = {"__pycache__", ".venv", ".ruff_cache", ".mypy_cache", ".pytest_cache"}
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def read_prompts(root: Path) -> dict:
    return json.loads((root / "cookiecutter.json").read_text(encoding="utf-8"))


def find_inside(root: Path) -> Path:
    return root / "{{cookiecutter.project_slug}}"


def list_paths(root: Path) -> list[Path]:
    """Every file and folder of the template, relative to the template's folder."""
    inside = find_inside(root)
    paths = sorted(path.relative_to(inside) for path in inside.rglob("*"))
    return [path for path in paths if not LEFT_BY_TOOLS & set(path.parts)]


def is_copied(path: Path, root: Path) -> bool:
    patterns = read_prompts(root)["_copy_without_render"]
    return any(fnmatch.fnmatch(str(path), pattern) for pattern in patterns)


def read_texts(root: Path) -> Iterator[tuple[Path, str]]:
    for path in list_paths(root):
        whole = find_inside(root) / path
        if whole.is_file():
            try:
                yield path, whole.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def find_used(root: Path) -> set[str]:
    """Names that the template's files, the file names, the hooks and derived values ask for."""
    texts = [text for path, text in read_texts(root) if not is_copied(path, root)]
    texts += [str(path) for path in [find_inside(root).name, *list_paths(root)]]
    texts.append(json.dumps([v for k, v in read_prompts(root).items() if k != "__prompts__"]))
    hooks = "".join(path.read_text(encoding="utf-8") for path in (root / "hooks").glob("*.py"))
    places = [place for text in texts for place in JINJA.findall(text)]
    used = {name for place in places for name in re.findall(r"cookiecutter\.(\w+)", place)}
    return used | set(re.findall(r"""answers(?:\[|\.get\()["'](\w+)["']""", hooks))


def find_undeclared(root: Path) -> set[str]:
    return find_used(root) - set(read_prompts(root)) - BY_COOKIECUTTER


def find_unused(root: Path) -> set[str]:
    declared = {name for name in read_prompts(root) if not re.match(r"_[^_]|__prompts__", name)}
    return declared - find_used(root)


def find_unlabelled(root: Path) -> set[str]:
    prompts = read_prompts(root)
    labels = prompts["__prompts__"]
    missing = set()
    for name, value in prompts.items():
        if not name.startswith("_"):
            wanted = {"__prompt__", *value} if isinstance(value, list) else set()
            missing |= {f"{name}.{choice}" for choice in wanted - set(labels.get(name, {}))}
            missing |= set() if labels.get(name) else {name}
    return missing


def find_extra_prompts(root: Path) -> list[str]:
    return [name for name in read_prompts(root) if not name.startswith("_")][8:]


def find_illegal_names(root: Path) -> list[str]:
    """Names that Windows cannot check out, with the placeholders rendered."""
    illegal = []
    for path in list_paths(root):
        name = re.sub(r"\{\{\s*cookiecutter\.\w+\s*\}\}", "x", path.name)
        if re.search(r'[<>:"|?*\\]|[. ]$', name) or WINDOWS_DEVICES.fullmatch(name):
            illegal.append(str(path))
    return illegal


def find_conditional_folders(root: Path) -> list[str]:
    folders = [path for path in list_paths(root) if (find_inside(root) / path).is_dir()]
    return [str(path) for path in folders if re.search(r"\{%|\sif\s", path.name)]


def find_unparsable_python(root: Path) -> list[str]:
    inside = find_inside(root)
    scripts = [*(root / "hooks").glob("*.py"), *(inside / path for path in list_paths(root))]
    unparsable = []
    for script in scripts:
        if script.suffix == ".py" and script.is_file():
            try:
                ast.parse(script.read_text(encoding="utf-8"))
            except SyntaxError:
                unparsable.append(script.name)
    return unparsable


def find_too_much_jinja(root: Path) -> str:
    """The share of lines with Jinja where it is above 2.5 %, otherwise nothing."""
    texts = [text for path, text in read_texts(root) if is_counted(path)]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    jinja = [line for line in lines if re.search(r"\{\{.*cookiecutter|\{%", line)]
    share = 100 * len(jinja) / max(len(lines), 1)
    return f"{len(jinja)} of {len(lines)} lines, {share:.1f} %" if share > 2.5 else ""


def is_counted(path: Path) -> bool:
    return path.suffix not in {".csv", ".lock"} and path.parts[0] != ".github"


def find_rendered_workflows(root: Path) -> list[str]:
    workflows = [path for path in list_paths(root) if path.parts[:2] == (".github", "workflows")]
    files = [path for path in workflows if (find_inside(root) / path).is_file()]
    return [str(path) for path in files if not is_copied(path, root)]


def test_every_name_in_use_is_declared(template: Path) -> None:
    assert find_undeclared(template) == set()


def test_every_declared_name_is_used(template: Path) -> None:
    assert find_unused(template) == set()


def test_every_prompt_and_choice_has_a_label(template: Path) -> None:
    assert find_unlabelled(template) == set()


def test_there_are_at_most_eight_prompts(template: Path) -> None:
    assert find_extra_prompts(template) == []


def test_every_file_can_be_checked_out_on_windows(template: Path) -> None:
    assert find_illegal_names(template) == []


def test_no_folder_name_is_conditional(template: Path) -> None:
    assert find_conditional_folders(template) == []


def test_all_python_parses_unrendered(template: Path) -> None:
    assert find_unparsable_python(template) == []


def test_at_most_one_line_in_forty_holds_jinja(template: Path) -> None:
    assert find_too_much_jinja(template) == ""


def test_workflows_are_copied_as_they_are(template: Path) -> None:
    assert find_rendered_workflows(template) == []


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    for folder in ("hooks", find_inside(template).name):
        ignore = shutil.ignore_patterns(*LEFT_BY_TOOLS)
        shutil.copytree(template / folder, root / folder, ignore=ignore)
    shutil.copy(template / "cookiecutter.json", root)
    return root


def plant_file(name: str, text: str = "planted") -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        path = find_inside(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return plant


def plant_prompts(**changes: object) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        prompts = {**read_prompts(root), **changes}
        (root / "cookiecutter.json").write_text(json.dumps(prompts), encoding="utf-8")

    return plant


def plant_hook(root: Path) -> None:
    (root / "hooks" / "post_gen_project.py").write_text("{% if answers['nobody'] %}")


def plant_workflow(root: Path) -> None:
    plant_prompts(_copy_without_render=["*.html"])(root)
    plant_file(".github/workflows/planted.yml")(root)


FAULTS = {
    "an undeclared name in a file": (
        find_undeclared,
        plant_file("a.md", "{{cookiecutter.nobody}}"),
    ),
    "an undeclared name in a file name": (
        find_undeclared,
        plant_file("{{cookiecutter.nobody}}.md"),
    ),
    "an undeclared name in a hook": (find_undeclared, plant_hook),
    "an unused prompt": (find_unused, plant_prompts(nobody="")),
    "an unused derived value": (find_unused, plant_prompts(__nobody="")),
    "a prompt without label": (find_unlabelled, plant_prompts(nobody="")),
    "a choice without label": (find_unlabelled, plant_prompts(ci=["github", "nobody"])),
    "a ninth prompt": (find_extra_prompts, plant_prompts(nobody="")),
    "a name with a colon": (find_illegal_names, plant_file("a:b.md")),
    "a name with a Jinja filter": (
        find_illegal_names,
        plant_file("{{cookiecutter.ci | upper}}.md"),
    ),
    "a device as name": (find_illegal_names, plant_file("docs/aux.py")),
    "a name ending in a dot": (find_illegal_names, plant_file("docs/end.")),
    "a conditional folder": (
        find_conditional_folders,
        plant_file("{% if cookiecutter.data %}a{% endif %}/b.md"),
    ),
    "Jinja in Python": (find_unparsable_python, plant_file("a.py", "{% if x %}\n")),
    "Jinja in a hook": (find_unparsable_python, plant_hook),
    "a file full of Jinja": (find_too_much_jinja, plant_file("a.md", "{% x %}\n" * 9_000)),
    "a rendered workflow": (
        find_rendered_workflows,
        plant_workflow,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, copy: Path) -> None:
    find, plant = FAULTS[fault]
    before = find(copy)
    plant(copy)
    assert find(copy)
    assert find(copy) != before
