"""What README.md and docs/calling.md say about calling the service works, word by word."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..project import Project

HERE = "http://127.0.0.1:8000"


def blocks(page: Path) -> list[str]:
    """Return the blocks of code of a page, each without its indent or its fence."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"(?:^    .*\n)+|^```python\n(?:(?!```).*\n)+", text, re.MULTILINE)
    return [textwrap.dedent(block.removeprefix("```python\n")).strip("\n") for block in found]


@pytest.fixture(scope="module")
def served(toured: tuple[Project, str]) -> Iterator[tuple[Project, str]]:
    """A project with a model that serves: what the tour left, beside tools and table."""
    project, links = toured[0], (".venv", "data")
    for name in links:
        (project.here / name).symlink_to(project.root / name)
    with project.serving() as address:
        yield project, address
    for name in links:
        (project.here / name).unlink()


def run(served: tuple[Project, str], command: list[str], text: str, folder: Path) -> str:
    """Do what a page says in `folder`; returns what it prints."""
    text = text.replace(HERE, served[1])
    done = subprocess.run([*command, text], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout


def answers(printed: str) -> list[dict]:
    decoder, found = json.JSONDecoder(), []
    while printed := printed.strip():
        content, end = decoder.raw_decode(printed)
        found.append(content)
        printed = printed[end:]
    return found


def test_every_command_of_the_page_about_calling_works(served: tuple[Project, str]) -> None:
    project, _ = served
    folder = project.here
    said: dict[str, list[dict]] = {}
    for block in blocks(project.root / "docs" / "calling.md"):
        printed = run(served, ["bash", "-euo", "pipefail", "-c"], block, folder)
        for path in re.findall(rf"{HERE}(/\w+) -H [^|>]*$", block, re.MULTILINE):
            said[path] = answers(printed)
    assert said["/predict"][0]["predictions"][0]["prediction"] in ("yes", "no")
    assert said["/explain"][0]["reasons"]
    (taken,) = said["/outcomes"]
    assert (taken["taken"], taken["refused"]) == (1, {})
    assert said["/invocations"][0]["predictions"][0] in ("yes", "no")
    scored = (folder / "scored.csv").read_text(encoding="utf-8").splitlines()
    assert "prediction" in scored[0]
    assert len(scored) == len((folder / "data" / "example.csv").read_text().splitlines())


def test_the_readmes_program_and_its_command_work(served: tuple[Project, str]) -> None:
    project, _ = served
    section = (project.root / "README.md").read_text(encoding="utf-8").split("## Use it\n")[1]
    path = project.root / "use.md"
    path.write_text(section.split("\n## ")[0], encoding="utf-8")
    program, command = blocks(path)
    path.unlink()
    said, why, taken = run(served, [sys.executable, "-c"], program, project.here).splitlines()
    assert "'prediction': 'yes'" in said
    assert "'column': " in why
    assert taken.startswith("{'taken': 1, ")
    assert "'unknown': 0" in taken
    (answer,) = answers(run(served, ["bash", "-c"], command, project.here))
    assert str(answer["predictions"][0]) == said


def test_whatever_is_sent_the_service_answers_as_its_openapi_page_says(
    served: tuple[Project, str], tmp_path: Path
) -> None:
    # Whether a row keeps the contract is more than its schema can say: a word that stands for yes,
    # a code written as a number. So it is not asked which rows are taken, but how each is answered.
    others = "positive_data_acceptance,negative_data_rejection"
    done = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", f"{served[1]}/openapi.json",
         "--max-examples", "20", "--seed", "1", "--exclude-checks", others],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Tested: 11" in done.stdout
