"""What the service was asked is in the ledger when it ends: all of it, and what failed of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from ml_lifecycle.ledger import Ledger, Traffic, traffic_of
from ml_lifecycle.ledger.traffic import Tally
from ml_lifecycle.monitoring.watched import service_vitals
from world import Champion


def test_every_request_is_counted_and_a_callers_mistake_is_no_failure(
    champion: Champion, over_http: Callable[..., Any], tmp_path: Path
) -> None:
    settings, row = champion.copy(tmp_path), champion.release.evaluation.examples[0].row
    good = {"rows": [row]}
    with over_http(settings) as client:
        said = [client.post("/predict", json=good).status_code for _ in range(5)]
        said += [client.post("/predict", json={"rows": []}).status_code for _ in range(2)]
        said.append(client.get("/health/live").status_code)
    assert said == [200] * 5 + [422] * 2 + [200]
    with Ledger(settings.project.ledger_url) as ledger:
        asked = traffic_of(ledger, champion.trained.number)[1]
    assert (asked.requests, asked.failed) == (7, 0)
    assert 0 < asked.seconds < 60


@pytest.mark.parametrize(
    ("error", "failed"),
    [(HTTPException(422), 0), (HTTPException(503), 1), (ValueError("broken"), 1)],
)
def test_what_the_service_cannot_answer_has_failed(error: Exception, failed: int) -> None:
    tally = Tally()
    with pytest.raises(type(error)), tally.counted():
        raise error
    assert (tally.traffic.requests, tally.traffic.failed) == (1, failed)


def test_a_line_is_written_once_a_minute_and_only_if_somebody_asked(ledger: Ledger) -> None:
    tally = Tally()
    tally.write(ledger, 1, pause=0)
    with tally.counted():
        pass
    tally.write(ledger, 1)
    assert traffic_of(ledger, 1)[1] == Traffic()
    tally.write(ledger, 1, pause=0)
    assert traffic_of(ledger, 1)[1].requests == 1
    assert tally.traffic == Traffic()


def test_slower_answers_and_more_failures_than_before_are_to_be_looked_at() -> None:
    calm, slow = Traffic(1000, 1, 2.0), Traffic(1000, 50, 9.0)
    assert [one.odd for one in service_vitals(calm, calm)] == [False, False]
    assert [one.odd for one in service_vitals(calm, slow)] == [True, True]
    assert [one.odd for one in service_vitals(Traffic(), Traffic(10, 0, 9.0))] == [False, False]
    assert service_vitals(calm, Traffic()) == []
