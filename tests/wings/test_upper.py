"""The library's own tests, of its upper wings and of it as a whole."""

import pytest

from ..project import LIBRARY, Project, run_library


@pytest.mark.parametrize("wing", ["release", "ledger", "compiled", "http", "service"])
def test_the_librarys_tests_pass(default: Project, wing: str) -> None:
    run_library(default, wing)


def test_what_is_tested_of_the_library_as_a_whole_passes(default: Project) -> None:
    run_library(default, *sorted(path.name for path in LIBRARY.glob("test_*.py")))
