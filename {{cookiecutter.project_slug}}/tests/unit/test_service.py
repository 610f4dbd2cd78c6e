"""What the service refuses, and that it says so without repeating what was sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from world import copy_of, serving

from ml_lifecycle.errors import WrongUse
from ml_lifecycle.http import api_keys

SECRET = "do-not-repeat-me"


@pytest.fixture
def row(client: Any) -> dict[str, Any]:
    return dict(client.get("/model").json()["typical_row"])


def post(client: Any, row: dict[str, Any], path: str = "/predict") -> Any:
    return client.post(path, content=json.dumps({"rows": [row]}))


def test_a_good_row_is_answered_and_written(client: Any, served: Any, row: Any) -> None:
    answer = post(client, row)
    assert answer.status_code == 200
    ledger = served.ledger.served()
    (kept,) = ledger[ledger["request_id"] == answer.json()["request_id"]].to_dict("records")
    said = answer.json()["predictions"][0]
    assert (kept["prediction"], kept["probabilities"]) == (
        said["prediction"],
        said["probabilities"],
    )
    assert said["prediction"] in ("yes", "no")
    assert sum(said["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("value", ["x", True, [1], {"a": 1}, 1.5, None])
def test_a_wrong_value_is_refused(client: Any, row: Any, value: Any) -> None:
    assert post(client, row | {"calls": value}).status_code == 422


def test_an_unknown_and_an_absent_column_are_refused_by_name(client: Any, row: Any) -> None:
    assert "colour" in post(client, row | {"colour": SECRET}).text
    row.pop("calls")
    assert "calls" in post(client, row).text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"rows": []}', b'{"rows": [1]}', b"\xff\xfe", b"[" * 100_000],
)
@pytest.mark.parametrize("path", ["/predict", "/invocations", "/explain", "/outcomes"])
def test_what_is_no_request_is_refused(client: Any, path: str, body: bytes) -> None:
    assert client.post(path, content=body).status_code == 422


def test_a_lone_surrogate_is_refused(client: Any, row: Any) -> None:
    body = json.dumps({"rows": [row | {"plan": "\ud800"}]})
    assert client.post("/predict", content=body).status_code == 422
    body = json.dumps({"instances": [row | {"plan": "\ud800"}]})
    assert client.post("/invocations", content=body).status_code == 422


def test_invocations_answers_as_predict_does(client: Any, row: Any) -> None:
    said = post(client, row).json()["predictions"][0]["prediction"]
    split = {"columns": list(row), "data": [list(row.values())]}
    for body in ({"instances": [row]}, {"dataframe_records": [row]}, {"dataframe_split": split}):
        answer = client.post("/invocations", content=json.dumps(body))
        assert answer.json() == {"predictions": [said]}


def test_a_code_is_the_same_written_as_text_or_number(client: Any, row: Any) -> None:
    said = [post(client, row | {"zone": value}).json() for value in ("3", 3, 3.0)]
    assert {json.dumps(answer["predictions"]) for answer in said} == {
        json.dumps(said[0]["predictions"])
    }


def test_what_if_says_what_predict_says_and_is_kept_nowhere(
    client: Any, served: Any, row: dict[str, Any]
) -> None:
    said = post(client, row | {"plan": "pro"}).json()["predictions"][0]
    before = len(served.ledger.served())
    found = post(client, row, "/what-if?column=plan").json()
    (point,) = [point for point in found["points"] if point["value"] == "pro"]
    assert point["probability"] == said["probabilities"][found["of"]]
    assert len(served.ledger.served()) == before


def test_the_page_runs_no_script_but_its_own_file(client: Any) -> None:
    for path in ("/", "/page.css", "/page.js"):
        rules = client.get(path).headers["Content-Security-Policy"]
        assert "script-src 'self';" in rules
        assert "unsafe" not in rules


def test_a_value_never_seen_is_answered_with_a_warning(client: Any, row: Any) -> None:
    assert post(client, row).json()["predictions"][0]["warnings"] == []
    said = post(client, row | {"plan": "gold"}).json()["predictions"][0]["warnings"]
    assert said == ["plan: a value that training never saw"]


@pytest.mark.parametrize("number", ["-1", "1.5", str(10**30)])
def test_an_outcome_of_an_impossible_row_is_refused(client: Any, number: str) -> None:
    outcome = {"request_id": "a", "row": "it", "value": "yes"}
    body = json.dumps({"outcomes": [outcome]}).replace('"it"', number)
    assert client.post("/outcomes", content=body).status_code == 422


def test_a_body_too_large_is_refused(client: Any) -> None:
    assert client.post("/predict", content=b" " * (1024 * 1024 + 1)).status_code == 413


def test_health_and_metrics_answer(client: Any) -> None:
    assert client.get("/health/live").json() == client.get("/ping").json() == {"status": "alive"}
    assert client.get("/health/ready").json()["version"] == 1
    assert "model_version 1.0" in client.get("/metrics").text
    assert client.get("/").status_code == 200


def test_without_a_valid_key_nobody_enters(
    champion: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_API_KEYS", "old-key, nëw-key")
    with serving(copy_of(champion.settings, tmp_path), api_keys()) as running:

        def status(key: str, path: str = "/model") -> int:
            return int(running.http.get(path, headers={"X-API-Key": key.encode()}).status_code)

        assert [status(key) for key in ("old-key", "nëw-key")] == [200, 200]
        assert [status(key) for key in ("", "old", "old-key ,", "ключ", "é")] == [401] * 5
        assert [status("", path) for path in ("/health/live", "/metrics", "/ping")] == [200] * 3


def test_production_without_a_key_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SERVICE_API_KEYS", " , ")
    with pytest.raises(WrongUse, match="SERVICE_API_KEYS"):
        api_keys()
