"""The library's own tests, of its lower wings, run in the environment of a project."""

import pytest

from ..project import Project, run_library


@pytest.mark.parametrize("wing", ["tables", "data", "evaluation", "model", "pages", "monitoring"])
def test_the_librarys_tests_pass(default: Project, wing: str) -> None:
    run_library(default, wing)
