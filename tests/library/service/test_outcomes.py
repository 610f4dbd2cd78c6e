"""POST /outcomes: what became of each is said, and a call sent again changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from ml_lifecycle.ledger.database import now


@pytest.fixture
def asked(client: Any) -> str:
    """Ask for two predictions; return the request's id."""
    row = client.get("/model").json()["typical_row"]
    return str(client.post("/predict", json={"rows": [row, row]}).json()["request_id"])


def send(client: Any, *outcomes: dict[str, Any]) -> Any:
    return client.post("/outcomes", json={"outcomes": list(outcomes)})


def test_the_same_call_again_is_known_and_another_value_corrects(client: Any, asked: str) -> None:
    outcome = {"request_id": asked, "row": 0, "value": "no"}
    said = [send(client, outcome | {"value": value}).json() for value in ("no", "no", "yes")]
    counted = [[one[name] for name in ("taken", "corrected", "known", "unknown")] for one in said]
    assert counted == [[1, 0, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0]]


def test_what_was_not_taken_is_named_by_its_place(client: Any, asked: str) -> None:
    outcome = {"request_id": asked, "row": 0, "value": "no"}
    later, earlier = ((now() + sign * timedelta(2)).isoformat() for sign in (1, -1))
    answer = send(
        client,
        outcome,
        outcome | {"value": "yes"},
        outcome | {"row": 1},
        outcome | {"row": 2},
        outcome | {"row": 1, "happened_at": later},
        outcome | {"row": 1, "happened_at": earlier},
    ).json()
    assert answer == {
        "taken": 1,
        "corrected": 0,
        "known": 0,
        "unknown": 1,
        "refused": {
            "another value in the same file or call": [0, 1],
            "unknown request": [3],
            "in the future": [4],
            "before the prediction": [5],
        },
    }


@pytest.mark.parametrize("moment", ["yesterday", "2026-05-01T12:00:00", [], {}, 1e300])
def test_a_moment_without_a_zone_is_refused(client: Any, asked: str, moment: Any) -> None:
    outcome = {"request_id": asked, "row": 0, "value": "no", "happened_at": moment}
    answer = send(client, outcome)
    (problem,) = answer.json()["detail"]
    assert (answer.status_code, problem["loc"]) == (422, "outcomes.0.happened_at")


def test_a_value_that_the_target_has_not_is_named_by_its_place(client: Any, asked: str) -> None:
    good = {"request_id": asked, "row": 0, "value": "no"}
    answer = send(client, good, good | {"row": 1, "value": "perhaps"})
    (problem,) = answer.json()["detail"]
    assert (answer.status_code, problem["loc"]) == (422, "outcomes.1.value")
    assert "perhaps" not in answer.text
