"""Asked day after day about new rows, a check cries wolf in few years, and hears a real change."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.monitoring.looks import (
    NOTHING,
    QUESTIONS,
    SHARES,
    SUMMED,
    YEAR,
    Answer,
    Looks,
    Seen,
    bound,
    remembered,
)
from scipy import stats

RATE = 0.05


def alarms(p_values: Any, kind: str, shared: float = 0.0, rate: float = RATE) -> np.ndarray:
    """Return, (looks,) bool, on which looks a series of p-values of a kind's first is an alarm."""
    looks, found, name = Looks(), [], next(iter(QUESTIONS[kind]))
    for p_value in p_values:
        answers = {name: Answer(p_value, shared=shared)}
        found.append(looks.alarms(answers, rate)[kind])
        looks = Looks(looks.number + 1, "", "", looks.after(answers, rate))
    return np.array(found)


def year(random: Any, shared: float, days: int = YEAR) -> np.ndarray:
    """Return z of days without a change, whose reference is off by chance."""
    off = random.normal(0, np.sqrt(shared))
    return np.asarray(off + random.normal(0, np.sqrt(1 - shared), days))


@pytest.mark.parametrize("kind", QUESTIONS)
def test_in_few_years_without_a_change_there_is_any_alarm(kind: str) -> None:
    random, years = np.random.default_rng(1), 200
    false = sum(alarms(random.random(YEAR), kind).any() for _ in range(years))
    allowed = sum(QUESTIONS[kind].values()) * RATE * years
    assert false <= allowed + 3 * np.sqrt(allowed)


@settings(deadline=None)
@given(looks=st.integers(1, 2000), rate=st.floats(0.001, 0.5))
def test_all_looks_together_spend_no_more_than_the_budget(looks: int, rate: float) -> None:
    seen = ({name: Seen(number) for name in SHARES} for number in range(looks))
    spent = sum(sum(Looks(seen=one).levels(rate).values()) for one in seen)
    assert spent + SUMMED * rate <= rate * (1 + 1e-9)
    assert sum(SHARES.values()) == pytest.approx(1)


@pytest.mark.parametrize("shared", [0.02, 0.1, 0.5, 0.95])
def test_a_reference_that_is_off_is_no_alarm_however_many_looks_see_it(shared: float) -> None:
    random = np.random.default_rng(2)
    # At a rate at which single looks are next to never one.
    found = [alarms(stats.norm.sf(year(random, shared)), "harm", shared, 1e-3) for _ in range(100)]
    assert not np.any(found)


def test_signs_too_small_for_one_look_add_up_and_a_quiet_look_ends_the_alarm() -> None:
    weak = np.full(12, 0.02)
    found = alarms(weak, "harm")
    assert not found[:4].any()
    assert found[-1]
    assert not alarms(np.append(weak, np.full(9, 0.8)), "harm")[12:].any()


def test_a_change_of_two_standard_errors_a_day_is_heard_within_ten_days() -> None:
    random, shared, late = np.random.default_rng(3), 0.09, []
    for _ in range(100):
        z = year(random, shared, 90) + 2 * (np.arange(90) >= 30)
        heard = alarms(stats.norm.sf(z), "harm", shared)
        assert not heard[:30].any()
        late.append(heard[30:].argmax() + 1 if heard[30:].any() else 99)
    assert np.median(late) <= 10


def test_a_question_that_was_not_asked_so_far_has_its_first_look_before_it() -> None:
    rows = {"columns": Answer(0.5), "pairs": Answer(0.5), "shift": Answer(0.5)}
    looks = Looks()
    for number in range(30):
        looks = Looks(number + 1, seen=looks.after(rows, RATE))
    assert looks.levels(RATE)["rise"] == Looks().levels(RATE)["rise"]
    assert looks.levels(RATE)["columns"] < Looks().levels(RATE)["columns"] / 1000


CHANCE = st.floats(0, 1) | st.just(float("nan"))


@given(st.lists(st.tuples(CHANCE, st.floats(0, 1, exclude_max=True)), max_size=40))
def test_whatever_is_answered_evidence_stays_a_number_within_its_bounds(answers: Any) -> None:
    seen, most = NOTHING, 10 * bound(RATE)
    for p_value, shared in answers:
        seen = seen.after(Answer(p_value, shared=shared), most)
    assert all(0 <= one <= most for one in seen.sums)
    assert np.isfinite(seen.off)
    assert 0 <= seen.doubt <= 1
    assert seen.looks == len(answers)


def test_what_is_too_small_for_a_name_is_no_alarm_however_sure() -> None:
    assert not Looks().alarms({"rise": Answer(1e-9, far=False)}, RATE)["harm"]
    assert Looks().alarms({"rise": Answer(1e-9, far=True)}, RATE)["harm"]


def test_a_version_remembers_its_own_looks_whatever_else_is_decided(ledger: Ledger) -> None:
    assert remembered(ledger, 1) == Looks()
    seen = {"rise": Seen(3, 0.5, 0.25, [2.5, 1.0, 0.0])}
    mine = Looks(3, "2026-01-02T00:00:00+00:00", "", seen)
    ledger.decide("drift", "quiet", "", 1, details={"looks": asdict(mine)})
    ledger.decide("drift", "quiet", "", 2, details={"looks": asdict(Looks(9))})
    ledger.decide("drift", "fault", "by hand", 1)
    ledger.decide("promote", "promote", "", 1)
    assert remembered(ledger, 1) == mine
    assert remembered(ledger, 2).number == 9


def test_what_a_former_library_remembered_of_looks_is_when_they_were(ledger: Ledger) -> None:
    old = {"number": 5, "until": "2026-01-02T00:00:00+00:00", "labelled": "", "evidence": {}}
    ledger.decide("drift", "quiet", "", 1, details={"looks": old})
    assert remembered(ledger, 1) == Looks(5, old["until"], "", {})
