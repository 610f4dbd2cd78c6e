"""Removes what was not chosen, links the table into the project, says what comes next.

Standard library only, and deterministic: cruft runs it twice on each update, on any machine.
"""

import json
import os
import shutil
import sys
from pathlib import Path


def read_answers() -> dict[str, str]:
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    return {key: "" if value is None else str(value) for key, value in answers.items()}


def remove_unchosen(answers: dict[str, str]) -> None:
    if answers["ci"] != "github":
        shutil.rmtree(".github", ignore_errors=True)
    if answers["ci"] != "gitlab":
        Path(".gitlab-ci.yml").unlink(missing_ok=True)
    if answers["data"]:
        Path("data", "example.csv").unlink(missing_ok=True)
        Path("data", "README.md").unlink(missing_ok=True)


def find_table(data: str) -> Path | None:
    """The table on this machine, by the rule of the first hook (hooks cannot import each other)."""
    try:
        typed = Path(data).expanduser()
    except RuntimeError:
        return None
    paths = [Path(place) / typed for place in (os.environ.get("PWD", ".."), "..")]
    return next((path.resolve() for path in paths if os.path.isfile(path)), None)


def link_table(answers: dict[str, str]) -> None:
    # A link, because a table can be large and has one owner.
    table, link = find_table(answers["data"]), Path(answers["__source"])
    if table is None or (link.exists() and not link.is_symlink()):
        return
    try:
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(table)
    except OSError:
        print(f"This system makes no links: copy {table} to {link}", file=sys.stderr)


def say_what_comes_next(answers: dict[str, str]) -> None:
    print(f"cd {answers['project_slug']}")
    print("make tour    # the whole lifecycle once, from the table to a served model and back")
    print("README.md    # what there is, and where to change it")


def main() -> None:
    answers = read_answers()
    remove_unchosen(answers)
    if answers["data"] and "://" not in answers["data"]:
        link_table(answers)
    say_what_comes_next(answers)


if __name__ == "__main__":
    main()
