"""The library's own tests, of its upper wings and of it as a whole."""

import pytest

from ..project import Project, run_library


@pytest.mark.parametrize("wing", ["release", "ledger", "service", "test_library.py"])
def test_the_librarys_tests_pass(default: Project, wing: str) -> None:
    run_library(default, wing)
