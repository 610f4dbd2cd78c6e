"""Asked day after day about new rows, a check cries wolf in few years, and hears a real change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.monitoring.looks import (
    BETS,
    QUESTIONS,
    SHARES,
    SUMMED,
    YEAR,
    Answer,
    Looks,
    bound,
    remembered,
    shared,
)
from scipy import stats

RATE = 0.05


def alarms(p_values: np.ndarray, kind: str, rate: float = RATE, usual: float = 0.0) -> np.ndarray:
    """Return, (looks,) bool, on which looks a series of p-values of a kind's first is an alarm."""
    looks, found, name = Looks(), [], next(iter(QUESTIONS[kind]))
    for p_value in p_values:
        answers = {name: Answer(p_value, usual=usual)}
        found.append(looks.alarms(answers, rate)[kind])
        looks = Looks(looks.number + 1, "", "", looks.after(answers, rate))
    return np.array(found)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_in_few_years_without_a_change_there_is_any_alarm(kind: str) -> None:
    random, years = np.random.default_rng(1), 400
    false = sum(alarms(random.random(YEAR), kind).any() for _ in range(years))
    allowed = sum(QUESTIONS[kind].values()) * RATE * years
    assert false <= allowed + 3 * np.sqrt(allowed)


@settings(deadline=None)
@given(looks=st.integers(1, 2000), rate=st.floats(0.001, 0.5))
def test_all_looks_together_spend_no_more_than_the_budget(looks: int, rate: float) -> None:
    spent = sum(sum(Looks(number).levels(rate).values()) for number in range(looks))
    assert spent + SUMMED * rate <= rate * (1 + 1e-9)
    assert sum(SHARES.values()) == pytest.approx(1)


def test_a_reference_that_is_off_by_chance_is_no_alarm_however_many_looks_see_it() -> None:
    random, own, years = np.random.default_rng(2), 5000, 40
    for rows in (500, 5000, 50_000):
        error = np.sqrt(1 / rows + 1 / own)
        off = random.normal(0, 1 / np.sqrt(own), (years, 1))
        z = (random.normal(0, 1 / np.sqrt(rows), (years, YEAR)) + off) / error
        usual = shared(rows, own)
        # At a rate that spends next to nothing on single looks of a thousand.
        found = [alarms(year, "harm", 0.01, usual).any() for year in stats.norm.sf(z)]
        assert sum(found) <= 2


def test_signs_too_small_for_one_look_add_up_and_a_quiet_look_ends_the_alarm() -> None:
    weak = np.full(12, 0.02)
    found = alarms(weak, "harm")
    assert not found[:4].any()
    assert found[-1]
    assert not alarms(np.append(weak, np.full(9, 0.8)), "harm")[12:].any()


def test_a_change_of_two_standard_errors_a_day_is_heard_within_ten_days() -> None:
    random = np.random.default_rng(3)
    z = random.normal(0, 1, (200, 60)) + 2
    late = [alarms(p, "harm", usual=0.7).argmax() + 1 for p in stats.norm.sf(z)]
    assert np.median(late) <= 10


@given(before=st.floats(0, 1e12), p_value=st.floats(0, 1), usual=st.floats(0, 50))
def test_evidence_stays_within_its_bounds(before: float, p_value: float, usual: float) -> None:
    for name in SHARES:
        looks = Looks(1, evidence={name: [before] * len(BETS)})
        (sums,) = looks.after({name: Answer(p_value, usual=usual)}, RATE).values()
        assert all(0 <= one * SHARES[name] <= 10 * bound(RATE) * (1 + 1e-9) for one in sums)


def test_what_is_too_small_for_a_name_is_no_alarm_however_sure() -> None:
    assert not Looks().alarms({"rise": Answer(1e-30, far=False, usual=20)}, RATE)["harm"]
    assert Looks().alarms({"rise": Answer(1e-30, far=True)}, RATE)["harm"]


def test_a_version_remembers_its_own_looks_whatever_else_is_decided(ledger: Ledger) -> None:
    assert remembered(ledger, 1) == Looks()
    mine = Looks(3, "2026-01-02T00:00:00+00:00", "", {"rise": [2.5, 1.0, 0.0]})
    ledger.decide("drift", "quiet", "", 1, details={"looks": vars(mine)})
    ledger.decide("drift", "quiet", "", 2, details={"looks": vars(Looks(9))})
    ledger.decide("drift", "fault", "by hand", 1)
    ledger.decide("promote", "promote", "", 1)
    assert remembered(ledger, 1) == mine
    assert remembered(ledger, 2).number == 9
