"""A caller gets the stated rate with bursts of a second's worth, and takes nothing from others."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_lifecycle.http import rate
from ml_lifecycle.http.rate import Rate

pauses = st.lists(st.floats(0, 2), min_size=1, max_size=60)


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    with pytest.MonkeyPatch.context() as patch:
        found = Clock()
        patch.setattr(rate, "time", found)
        yield found  # type: ignore[misc]


@given(pauses, st.floats(0.2, 50))
def test_in_no_stretch_of_time_are_more_let_in_than_its_rate_and_a_burst(
    clock: Clock, gaps: list[float], per_second: float
) -> None:
    limit, admitted = Rate(per_second), []
    for at in accumulate(gaps):
        clock.now = 1000.0 + at
        if not limit.wait("a"):
            admitted.append(at)
    burst = max(1.0, per_second)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            most = burst + per_second * (admitted[last] - admitted[first])
            assert last - first + 1 <= most + 1e-6


@given(pauses, st.floats(0.2, 50))
def test_who_waits_as_long_as_was_said_is_let_in(
    clock: Clock, gaps: list[float], per_second: float
) -> None:
    limit = Rate(per_second)
    for gap in gaps:
        clock.now += gap
        if wait := limit.wait("a"):
            assert wait <= 1 / per_second + 1e-6
            clock.now += wait + 1e-6
            assert not limit.wait("a")


def test_one_caller_takes_nothing_from_another(clock: Clock) -> None:
    limit = Rate(1)
    assert not limit.wait("a")
    assert limit.wait("a")
    assert not limit.wait("b")


def test_without_a_rate_nobody_waits(clock: Clock) -> None:
    limit = Rate(0)
    assert not any(limit.wait("a") for _ in range(1000))


def test_callers_who_stayed_away_are_forgotten(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "MOST", 10)
    limit = Rate(10)
    for who in range(1000):
        clock.now += 0.05
        assert not limit.wait(str(who))
    assert len(limit.due) <= 11
