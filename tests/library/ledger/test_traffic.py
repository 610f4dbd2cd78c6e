"""How often a version was asked is summed before and after a moment, for each version alone."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.ledger import Ledger, Traffic, traffic_of
from ml_lifecycle.ledger.database import now
from ml_lifecycle.ledger.traffic import write_traffic

LINES = st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9)), max_size=6)


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=LINES, then=LINES)
def test_sums_are_those_of_the_lines_on_either_side_of_the_moment(
    ledger: Ledger, first: list[tuple[int, int]], then: list[tuple[int, int]]
) -> None:
    known = traffic_of(ledger, 1)[1]
    start = now()
    for requests, failed in first:
        write_traffic(ledger, 1, Traffic(requests, failed, 0.5))
        write_traffic(ledger, 2, Traffic(1000, 0, 1.0))
    middle = now()
    for requests, failed in then:
        write_traffic(ledger, 1, Traffic(requests, failed, 0.5))
    before, after = traffic_of(ledger, 1, middle.isoformat())
    assert before.requests == known.requests + sum(requests for requests, _ in first)
    assert after == Traffic(
        sum(requests for requests, _ in then), sum(failed for _, failed in then), 0.5 * len(then)
    )
    nothing, all_of_it = traffic_of(ledger, 1)
    assert nothing == Traffic()
    assert all_of_it.requests == before.requests + after.requests
    assert traffic_of(ledger, 1, (start - timedelta(days=1)).isoformat())[0] == Traffic()
