"""The library's own tests, of its lower wings, run in the environment of a project."""

from pathlib import Path

import pytest

from ..project import LIBRARY, Project, run_library


@pytest.mark.parametrize("wing", ["tables", "data", "evaluation", "model", "pages", "monitoring"])
def test_the_librarys_tests_pass(default: Project, wing: str) -> None:
    run_library(default, wing)


def test_no_wing_is_left_out() -> None:
    here = {path.parent.name for path in LIBRARY.glob("*/test_*.py")}
    named = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("*.py"))
    assert {wing for wing in here if f'"{wing}"' not in named} == set()
