"""A request sent again with its key is answered as before, by any replica, and written once."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.ledger.forget import forget
from ml_lifecycle.service.idempotency import Once
from project.lifecycle import ask_gate
from world import Settings, prediction

REFUSED = "this key came before with another body: send a new key"


def body_of(running: Any, calls: int = 1, rows: int = 1) -> bytes:
    row = running.http.get("/model").json()["typical_row"]
    return json.dumps({"rows": [row | {"calls": calls + place} for place in range(rows)]}).encode()


def post(running: Any, body: bytes, key: str, path: str = "/predict") -> Any:
    return running.http.post(path, content=body, headers={"Idempotency-Key": key})


def test_a_service_that_started_anew_with_another_model_answers_as_before(
    two: Settings, serving: Any
) -> None:
    with serving(two) as running:
        row = running.http.get("/model").json()["typical_row"] | {"plan": "gold"}
        body = json.dumps({"rows": [row, row | {"calls": 30}]}).encode()
        first = post(running, body, "k")
        assert first.status_code == 200
        assert first.json()["predictions"][0]["warnings"], "they come back, too"
    ask_gate(two, 2, override="another model")
    with serving(two) as running:
        assert post(running, body, "k").json() == first.json()
        assert post(running, body, "l").json()["version"] == 2
        assert len(running.ledger.served()) == 4


def test_another_body_with_the_same_key_is_refused_and_not_written(served: Any) -> None:
    key = uuid4().hex
    body, before = body_of(served), len(served.ledger.served())
    assert post(served, body, key).status_code == 200
    for other in (body_of(served, 2), body_of(served, rows=2), b"{}", body + b" "):
        answer = post(served, other, key)
        assert answer.status_code == 422
        assert answer.json()["detail"] == [{"loc": "Idempotency-Key", "msg": REFUSED}]
    assert len(served.ledger.served()) == before + 1


def test_a_request_that_was_refused_may_be_mended_under_its_key(served: Any) -> None:
    key = uuid4().hex
    assert post(served, b'{"rows": [{"x": 1}]}', key).status_code == 422
    assert post(served, body_of(served), key).status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "k\u00e9y", "\x7f"])
def test_what_is_no_key_is_refused_and_not_repeated(served: Any, key: str) -> None:
    answer = served.http.post(
        "/predict", content=body_of(served), headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == "Idempotency-Key"
    assert not key or key not in answer.text


def test_invocations_count_once_as_well(served: Any) -> None:
    key, before = uuid4().hex, len(served.ledger.served())
    row = served.http.get("/model").json()["typical_row"]
    bodies = [json.dumps({"instances": [row | {"calls": calls}]}).encode() for calls in (1, 1, 2)]
    answers = [post(served, body, key, "/invocations") for body in bodies]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[0].json() == answers[1].json()
    assert len(served.ledger.served()) == before + 1


def test_a_number_is_answered_again_as_the_same_number(ledger: Ledger) -> None:
    once = Once.of("k", b"{}")
    rows = [(0, 0.1 + 0.2), (1, -1e-300)]
    about = {"body_sha256": once.body_sha256, "warnings": ["odd"], "probabilities": None}
    ledger.write_predictions(
        [prediction(once.request_id, row) | about | {"prediction": str(y)} for row, y in rows]
    )
    said = once.said(ledger)
    assert said is not None
    assert [found.prediction for found in said.predictions] == [0.1 + 0.2, -1e-300]
    assert said.predictions[0].warnings == ["odd"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 2), st.integers(1, 2))))
def test_whatever_is_sent_in_whatever_order_the_first_body_of_a_key_counts(
    served: Any, sent: list[tuple[str, int, int]]
) -> None:
    mine, before = uuid4().hex, len(served.ledger.served())
    answered: dict[str, tuple[bytes, Any]] = {}
    for name, calls, rows in sent:
        body = body_of(served, calls, rows)
        answer = post(served, body, mine + name)
        first, said = answered.setdefault(name, (body, answer.json()))
        assert answer.status_code == (200 if body == first else 422)
        assert body != first or answer.json() == said
    written = sum(len(json.loads(body)["rows"]) for body, _ in answered.values())
    assert len(served.ledger.served()) == before + written


def test_sixteen_callers_with_four_keys_at_two_replicas_are_four_requests(
    apart: Settings, over_http: Any
) -> None:
    with over_http(apart) as one, over_http(apart) as other:
        row = one.get("/model").json()["typical_row"]

        def ask(place: int) -> tuple[int, str, Any]:
            replica, calls = (one, other)[place // 4 % 2], place % 4
            body = {"rows": [row | {"calls": calls}] * 3}
            headers = {"Idempotency-Key": f"key-{calls}"}
            answer = replica.post("/predict", json=body, headers=headers)
            return answer.status_code, headers["Idempotency-Key"], answer.json()

        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(ask, range(64)))
    assert {status for status, _, _ in found} == {200}
    assert len({json.dumps(said) for _, _, said in found}) == 4
    with Ledger(apart.project.ledger_url) as ledger:
        assert len(ledger.served()) == 4 * 3


def test_a_request_that_lost_a_row_is_not_answered_with_the_rest(
    apart: Settings, over_http: Any
) -> None:
    with over_http(apart) as http:
        row = http.get("/model").json()["typical_row"] | {"customer": "c0002"}
        headers = {"Idempotency-Key": "k"}
        rows = [row, row | {"customer": "c0003"}]

        def ask(*rows: Any) -> httpx.Response:
            return http.post("/predict", json={"rows": list(rows)}, headers=headers)

        first = ask(*rows)
        forget(apart.project, where=("customer", "c0003"))
        answer = ask(*rows)
        assert (first.status_code, answer.status_code) == (200, 422)
        assert "forgotten" in answer.json()["detail"][0]["msg"]
        forget(apart.project, where=("customer", "c0002"))
        assert ask(rows[0]).status_code == 200, "of a request that is gone nothing is known"
