"""An outcome is taken once, a correction beside the first, and whatever cannot be is said."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.ledger.outcomes import CHUNK, CONFLICT, KNOWN, TAKEN, Outcome, take_outcomes
from ml_lifecycle.ledger.tables import OUTCOMES, SUPERSEDED
from sqlalchemy import delete, select
from world import prediction

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def answered(ledger: Ledger) -> Ledger:
    """A ledger with rows 0 to 2 of request a, and row 0 of request b, of the first of May."""
    rows = [prediction("a", row) for row in range(3)]
    ledger.write_predictions([row | {"created_at": MAY} for row in [*rows, prediction("b")]])
    return ledger


def counting(ledger: Ledger) -> dict[tuple[str, int], str]:
    """Return the outcomes that count."""
    served = ledger.served(known=True)
    return dict(
        zip(zip(served["request_id"], served["row"], strict=True), served["outcome"], strict=True)
    )


def beside(ledger: Ledger) -> list[tuple[str, int, str]]:
    """Return what is kept beside them."""
    columns = SUPERSEDED.c.request_id, SUPERSEDED.c.row, SUPERSEDED.c.value
    with ledger.engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(select(*columns).order_by(SUPERSEDED.c.id))
        ]


def contents(ledger: Ledger) -> list[Any]:
    """Return everything that is known of outcomes, to the last column."""
    with ledger.engine.connect() as connection:
        return [connection.execute(select(t)).all() for t in (OUTCOMES, SUPERSEDED)]


def test_what_is_sent_again_changes_nothing_and_says_so(answered: Ledger) -> None:
    outcomes = [Outcome("a", 0, "no"), Outcome("a", 1, "yes", MAY + DAY), Outcome("b", 0, "no")]
    assert take_outcomes(answered, outcomes) == ["new"] * 3
    before = contents(answered)
    assert take_outcomes(answered, outcomes) == ["known"] * 3
    assert contents(answered) == before


def test_a_correction_counts_and_the_first_stays_beside_it(answered: Ledger) -> None:
    said = [take_outcomes(answered, [Outcome("a", 0, value)]) for value in ("no", "yes", "no")]
    assert said == [["new"], ["corrected"], ["corrected"]]
    assert counting(answered) == {("a", 0): "no"}
    assert beside(answered) == [("a", 0, "no"), ("a", 0, "yes")]


def test_an_older_file_that_comes_later_does_not_undo_a_correction(answered: Ledger) -> None:
    first, second = Outcome("a", 0, "no", MAY + DAY), Outcome("a", 0, "yes", MAY + 2 * DAY)
    assert take_outcomes(answered, [second]) == ["new"]
    assert take_outcomes(answered, [first]) == ["older"]
    assert take_outcomes(answered, [first]) == ["known"]
    assert counting(answered) == {("a", 0): "yes"}
    assert beside(answered) == [("a", 0, "no")]


def test_two_values_of_a_row_in_one_call_are_a_conflict_and_neither_is_taken(
    answered: Ledger,
) -> None:
    outcomes = [Outcome("a", 0, "no"), Outcome("a", 0, "yes"), Outcome("a", 1, "no")]
    assert take_outcomes(answered, outcomes) == [CONFLICT, CONFLICT, "new"]
    assert counting(answered) == {("a", 1): "no"}


def test_a_conflict_is_seen_beyond_the_rows_of_one_commit(ledger: Ledger) -> None:
    ledger.write_predictions([prediction("a", row) for row in range(CHUNK + 1)])
    outcomes = [Outcome("a", row, "no") for row in range(CHUNK + 1)]
    assert take_outcomes(ledger, [*outcomes, Outcome("a", 0, "yes")]).count(CONFLICT) == 2
    assert len(counting(ledger)) == CHUNK


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Outcome("a", 7, "no"), "unknown request"),
        (Outcome("c", 0, "no"), "unknown request"),
        (Outcome("a", 0, "no", now() + DAY), "in the future"),
        (Outcome("a", 0, "no", datetime(9999, 12, 31, tzinfo=UTC)), "in the future"),
        (Outcome("a", 0, "no", MAY - timedelta(seconds=1)), "before the prediction"),
        (Outcome("a", 0, "no", datetime(2026, 4, 30, tzinfo=UTC)), "before the prediction"),
        (
            Outcome("a", 0, "no", datetime(1, 1, 1, tzinfo=timezone(23 * DAY / 24))),
            "before the prediction",
        ),
    ],
)
def test_what_cannot_be_is_not_taken(answered: Ledger, outcome: Outcome, why: str) -> None:
    assert take_outcomes(answered, [outcome]) == [why]
    assert counting(answered) == {}


def test_a_day_is_the_day_of_the_prediction_though_it_begins_before(answered: Ledger) -> None:
    assert take_outcomes(answered, [Outcome("a", 0, "no", MAY.replace(hour=0))]) == ["new"]


def test_a_moment_is_kept_in_utc(answered: Ledger) -> None:
    abroad = (MAY + DAY).astimezone(timezone(timedelta(hours=9)))
    take_outcomes(answered, [Outcome("a", 0, "no", abroad)])
    assert take_outcomes(answered, [Outcome("a", 0, "no", MAY + DAY)]) == ["known"]


def test_an_outcome_of_an_earlier_template_is_known_and_can_be_corrected(
    ledger_url: str, first_ledger: Callable[[str], None]
) -> None:
    first_ledger(ledger_url)
    with Ledger(ledger_url) as ledger:
        assert take_outcomes(ledger, [Outcome("a", 0, "no")]) == ["known"]
        assert take_outcomes(ledger, [Outcome("a", 0, "yes")]) == ["corrected"]
        assert (counting(ledger), beside(ledger)) == ({("a", 0): "yes"}, [("a", 0, "no")])


def test_eight_corrections_at_once_keep_every_value(answered: Ledger) -> None:
    def send(number: int) -> list[str]:
        return take_outcomes(answered, [Outcome("a", row, str(number)) for row in (0, 1)])

    with ThreadPoolExecutor(8) as pool:
        became = list(pool.map(send, range(8)))
    assert sorted(what for pair in became for what in pair) == ["corrected"] * 14 + ["new"] * 2
    for row in (0, 1):
        values = [value for request_id, place, value in beside(answered) if place == row]
        assert sorted([*values, counting(answered)["a", row]]) == sorted(map(str, range(8)))


ROWS = st.tuples(
    st.sampled_from("ab"), st.integers(0, 3), st.sampled_from(["yes", "no"]),
    st.none() | st.integers(-1, 3),
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls=st.lists(st.lists(ROWS, max_size=8), min_size=1, max_size=4))
def test_every_outcome_is_counted_once_and_again_is_nothing(
    answered: Ledger, calls: list[Any]
) -> None:
    with answered.engine.begin() as connection:
        for table in (OUTCOMES, SUPERSEDED):
            connection.execute(delete(table))
    taken = set()
    for call in calls:
        outcomes = [Outcome(*said, None if d is None else MAY + d * DAY) for *said, d in call]
        became = take_outcomes(answered, outcomes)
        assert len(became) == len(call)
        taken |= {o[:3] for o, what in zip(outcomes, became, strict=True) if what in TAKEN}
        before = contents(answered)
        again = take_outcomes(answered, outcomes)
        assert again == [KNOWN if what in (*TAKEN, KNOWN) else what for what in became]
        assert contents(answered) == before
    kept = {(*key, value) for key, value in counting(answered).items()} | set(beside(answered))
    assert kept == taken
