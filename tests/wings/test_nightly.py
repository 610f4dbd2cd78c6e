"""What the service promises while all goes wrong: minutes of kills, floods and lost disks."""

import pytest

from ..project import Project, run_library


@pytest.mark.nightly
def test_no_fault_makes_the_service_lie(default: Project) -> None:
    run_library(default, "faults")
