"""Asked day after day about new rows, a check cries wolf in few years, and hears a real change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.monitoring.looks import (
    SHARES,
    YEAR,
    Looks,
    alarming,
    bound,
    remembered,
    summed,
)

RATE = 0.05


def alarms(p_values: np.ndarray, kind: str) -> np.ndarray:
    """Return, (looks,) bool, on which looks a series of p-values is an alarm."""
    looks, found = Looks(), []
    for p_value in p_values:
        evidence = looks.after({kind: p_value}, RATE)
        level = looks.levels(RATE)[kind]
        found.append(alarming(p_value, level, evidence[kind], bound(kind, RATE)))
        looks = Looks(looks.number + 1, "", "", evidence)
    return np.array(found)


@pytest.mark.parametrize("kind", SHARES)
def test_in_few_years_without_a_change_there_is_any_alarm(kind: str) -> None:
    random, years = np.random.default_rng(1), 1000
    false = sum(alarms(random.random(YEAR), kind).any() for _ in range(years))
    allowed = SHARES[kind] * RATE * years
    assert false <= allowed + 3 * np.sqrt(allowed)


@settings(deadline=None)
@given(looks=st.integers(1, 2000), rate=st.floats(0.001, 0.5))
def test_all_looks_together_spend_no_more_than_the_budget(looks: int, rate: float) -> None:
    for kind, share in SHARES.items():
        spent = sum(Looks(number).levels(rate)[kind] for number in range(looks))
        by_evidence = YEAR / bound(kind, rate)
        assert spent + by_evidence <= share * rate * (1 + 1e-9)
    assert sum(SHARES.values()) == pytest.approx(1)


def test_signs_too_small_for_one_look_add_up_and_a_quiet_look_ends_the_alarm() -> None:
    weak = np.full(12, 5e-3)
    found = alarms(weak, "fault")
    assert not found[:2].any()
    assert found[-1]
    assert not alarms(np.append(weak, np.full(9, 0.8)), "fault")[12:].any()


@given(before=st.floats(0, 1e12), p_value=st.floats(0, 1))
def test_evidence_stays_within_its_bounds(before: float, p_value: float) -> None:
    most = bound("moved", RATE)
    assert 0 <= summed(before, p_value, most) <= 10 * most


def test_a_version_remembers_its_own_looks_whatever_else_is_decided(ledger: Ledger) -> None:
    assert remembered(ledger, 1) == Looks()
    mine = Looks(3, "2026-01-02T00:00:00+00:00", "", {"harm": 2.5})
    ledger.decide("drift", "quiet", "", 1, details={"looks": vars(mine)})
    ledger.decide("drift", "quiet", "", 2, details={"looks": vars(Looks(9))})
    ledger.decide("drift", "fault", "by hand", 1)
    ledger.decide("promote", "promote", "", 1)
    assert remembered(ledger, 1) == mine
    assert remembered(ledger, 2).number == 9
