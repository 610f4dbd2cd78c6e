"""What the workflows run is pinned, and may do no more than it has to."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = (".github/workflows", "{{cookiecutter.project_slug}}/.github/workflows")
READ = {"contents": "read"}


def read_workflows(root: Path) -> dict[str, Any]:
    """All workflows of the template and of the projects it makes, by their path."""
    paths = [path for folder in WORKFLOWS for path in sorted((root / folder).glob("*.y*ml"))]
    return {str(p.relative_to(root)): yaml.safe_load(p.read_text(encoding="utf-8")) for p in paths}


def find_uses(node: Any) -> Iterator[str]:
    """Every action or workflow that is called, at whatever depth."""
    if isinstance(node, dict):
        yield from (str(value) for key, value in node.items() if key == "uses")
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            yield from find_uses(child)


def find_unpinned(workflows: dict[str, Any]) -> list[str]:
    called = [(path, uses) for path, flow in workflows.items() for uses in find_uses(flow)]
    pinned = re.compile(r"[\w./-]+@[0-9a-f]{40}")
    return [f"{path}: {uses}" for path, uses in called if not pinned.fullmatch(uses)]


def find_too_much_allowed(workflows: dict[str, Any]) -> list[str]:
    """Workflows that state no permissions, and jobs that may write.

    Issues may be opened by what the clock starts: it runs nobody's code but the main branch's.
    """
    silent = [path for path, flow in workflows.items() if flow.get("permissions") is None]
    asked = [
        (path, block["permissions"], set(flow.get(True, ())) <= {"schedule", "workflow_dispatch"})
        for path, flow in workflows.items()
        for block in (flow, *flow["jobs"].values())
        if block.get("permissions") is not None
    ]
    return silent + [
        path
        for path, may, alone in asked
        if may not in ({}, READ) and not (alone and may == READ | {"issues": "write"})
    ]


def test_both_the_template_and_its_projects_have_workflows(template: Path) -> None:
    folders = {str(Path(path).parent) for path in read_workflows(template)}
    assert folders == set(WORKFLOWS)


def test_every_action_is_pinned_by_its_full_digest(template: Path) -> None:
    assert find_unpinned(read_workflows(template)) == []


def test_every_workflow_states_its_permissions_and_none_may_write_but_issues(
    template: Path,
) -> None:
    assert find_too_much_allowed(read_workflows(template)) == []


FAULTS = {
    "a tag": (find_unpinned, {"jobs": {"a": {"steps": [{"uses": "actions/checkout@v6"}]}}}),
    "half a digest": (find_unpinned, {"jobs": {"a": {"steps": [{"uses": "a/b@0a1b2c3"}]}}}),
    "a shared workflow by branch": (find_unpinned, {"jobs": {"a": {"uses": "a/b/c.yml@main"}}}),
    "no permissions": (find_too_much_allowed, {"jobs": {"a": {"permissions": {}}}}),
    "all permissions": (find_too_much_allowed, {"permissions": "write-all", "jobs": {}}),
    "a job that may write": (
        find_too_much_allowed,
        {"permissions": {}, "jobs": {"a": {"permissions": {"contents": "write"}}}},
    ),
    "a pull request that may open issues": (
        find_too_much_allowed,
        {True: {"pull_request": None}, "permissions": READ | {"issues": "write"}, "jobs": {}},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_workflow_is_seen(fault: str) -> None:
    find: Callable[[dict[str, Any]], list[str]]
    find, workflow = FAULTS[fault]
    assert find({"planted.yml": workflow}) != []
