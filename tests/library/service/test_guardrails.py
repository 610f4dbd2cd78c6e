"""A challenger goes back when it fails more often than it may, and not by bad luck."""

import pytest
from ml_lifecycle.service.guardrails import guardrail_violation
from ml_lifecycle.service.settings import RolloutSettings


@pytest.mark.parametrize(
    ("failed", "asked", "said"),
    [(0, 1000, ""), (1, 1, ""), (2, 2, "it failed on 2 of 2"), (9, 1000, ""), (30, 1000, "30 of")],
)
def test_errors_are_judged_against_the_share_allowed(failed: int, asked: int, said: str) -> None:
    assert said in (found := guardrail_violation(failed, asked, [], RolloutSettings(), 200))
    assert bool(said) == bool(found)
