"""Tables of many kinds from public packages, walked from the first check to the drift check.

What each table is, tables.toml says. Only what must hold for every table is asserted: no score.
`make test` walks the quick ones, `make tables` all.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ..project import Project
from .fetch import CACHE, CannotFetchError, Entry, entries, fetch

WALK = Path(__file__).with_name("walk.py")
TO_PARQUET = "import sys, pandas as p; p.read_csv(sys.argv[1]).to_parquet(sys.argv[2], index=False)"
ENTRIES = entries()
# Of [data] in a project as it is rendered.
DEFAULTS: dict[str, Any] = {
    "positive_class": "", "group": "", "sensitive": [], "ignore": [], "keep": [], "missing": "auto",
    "header": True,
}  # fmt: skip


@dataclass(frozen=True)
class Walk:
    """asked: the very first check-data. found: what walk.py printed."""

    entry: Entry
    asked: subprocess.CompletedProcess[str]
    found: dict[str, Any]

    def said(self, verb: str) -> Iterator[dict[str, Any]]:
        """Yield what came of each time that a verb ran."""
        yield from (one for one in self.found["verbs"] if one["verb"] == verb)


def named() -> Iterator[Any]:
    """Yield the tables, those marked that only the nightly list walks."""
    for name, entry in ENTRIES.items():
        marks = [] if entry.get("quick") else [pytest.mark.nightly]
        yield pytest.param(name, marks=marks)


@pytest.fixture(scope="module", params=list(named()))
def walk(
    request: pytest.FixtureRequest, of_table: Callable[..., Project], default: Project
) -> Walk:
    name, entry = request.param, ENTRIES[request.param]
    try:
        table = fetch(name, entry)
    except CannotFetchError as error:
        pytest.skip(str(error))
    if entry.get("form") == "parquet":
        table, given = table.with_suffix(".parquet"), table
        subprocess.run([default.python, "-c", TO_PARQUET, given, table], check=True)
    answers = {"target": entry["target"], "time_column": entry.get("time", "")}
    project = of_table(table, project_name=f"Table of {name}", ci="none", **answers)
    describe(project, entry)
    asked = project.verb("check-data")
    for key, names in entry.get("decide", {}).items():
        before = entry.get(key, DEFAULTS[key])
        change(project, key, before, names if key == "missing" else before + names)
    done = subprocess.run(
        [project.python, WALK, project.package, entry.get("separator", ",")],
        cwd=project.root, env=project.env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (CACHE / f"{name}.json").write_text(done.stdout.splitlines()[-1], encoding="utf-8")
    return Walk(entry, asked, json.loads(done.stdout.splitlines()[-1]))


def describe(project: Project, entry: Entry) -> None:
    """Write into project.toml what a person knows of the table, and the smallest budget."""
    project.edit("budget_seconds = 25", "budget_seconds = 0.001")
    project.edit("folds = 4", "folds = 2")
    for key, default in DEFAULTS.items():
        change(project, key, default, entry.get(key, default))


def change(project: Project, key: str, before: Any, now: Any) -> None:
    """Give a key of [data] another value."""
    project.edit(f"\n{key} = {json.dumps(before)}", f"\n{key} = {json.dumps(now)}")


def test_check_data_asks_for_the_decisions_that_the_table_needs_and_no_others(walk: Walk) -> None:
    decisions = walk.entry.get("decide", {})
    assert walk.asked.returncode == (1 if decisions else 0), walk.asked.stderr
    if decisions:
        assert "needs a decision from you:\n  1. " in walk.asked.stderr
    for names in decisions.values():
        assert all(name in walk.asked.stderr for name in names)
    assert "Traceback" not in walk.asked.stderr


def test_every_verb_ends_well_and_the_gate_may_say_no(walk: Walk) -> None:
    for one in walk.found["verbs"]:
        judged = one["verb"] in ("promote", "drift")
        assert one["code"] in ((0, 1) if judged else (0,)), one["err"]
        assert "Traceback" not in one["err"]
        assert "Warning" not in one["err"]
    assert [one["verb"] for one in walk.found["verbs"]][-2:] == ["predict", "drift"]
    assert walk.found["log"] == ""


@pytest.mark.parametrize("way", ["file", "typed", "text", "records", "split"])
def test_a_row_gets_the_same_answer_whichever_way_it_is_asked(walk: Walk, way: str) -> None:
    assert walk.found["ways"][way] == []


def test_every_sensitive_column_is_assessed_or_named_as_not(walk: Walk) -> None:
    gaps, unknown = walk.found["gaps"], " ".join(walk.found["unassessed"])
    for column in walk.entry.get("sensitive", []):
        known = None not in gaps[column].values()
        assert known or f"'{column}'" in unknown


def test_rows_like_those_of_training_are_no_fault(walk: Walk) -> None:
    (drift,) = walk.said("drift")
    assert drift["code"] == 0, drift["err"]
    assert drift["out"].startswith(("QUIET", "WATCH"))
