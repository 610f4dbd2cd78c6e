"""What /openapi.json says of a route is what the route does: bodies, examples, statuses, shapes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ml_lifecycle.http import api_keys
from ml_lifecycle.service import forms
from ml_lifecycle.service.request import rows_type
from ml_lifecycle.trying import Card, WhatIf
from project.lifecycle import ask_gate
from world import check, rows_of, train

POSTS = ["/predict", "/explain", "/what-if", "/invocations", "/outcomes"]
ALL = {"401", "408", "413", "415", "422", "429", "503", "504"}
STATUSES = {path: ALL | ({"406"} if path == "/invocations" else set()) for path in POSTS}
SHAPES = {
    "/predict": forms.Predictions,
    "/explain": forms.Explanation,
    "/what-if": WhatIf,
    "/invocations": forms.Invocation,
    "/outcomes": forms.Taken,
}


@pytest.fixture
def told(client: Any) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json())


def body_of(told: dict[str, Any], path: str) -> dict[str, Any]:
    return dict(told["paths"][path]["post"]["requestBody"]["content"]["application/json"])


def references(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        yield from [content["$ref"]] if isinstance(content.get("$ref"), str) else []
        content = list(content.values())
    if isinstance(content, list):
        for part in content:
            yield from references(part)


def every_example_is_taken(client: Any, path: str) -> None:
    told = client.get("/openapi.json").json()
    examples = body_of(told, path)["examples"]
    assert examples
    for example in examples.values():
        answer = client.post(path, content=json.dumps(example["value"]))
        assert answer.status_code == 200, answer.text
        shape = SHAPES[path].model_validate(answer.json(), extra="forbid")
        assert shape.model_dump(mode="json") == answer.json()
        schema = told["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
        assert schema["schema"]["$ref"].endswith(f"/{SHAPES[path].__name__}")


@pytest.mark.parametrize("path", POSTS)
def test_every_example_is_taken_and_its_answer_has_the_shape_that_is_told(
    client: Any, path: str
) -> None:
    every_example_is_taken(client, path)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_every_example_is_taken_whatever_is_predicted(
    project: Any, table: Any, quiet: Any, serving: Any, kind: str
) -> None:
    frame = table(kind, 400)
    if kind == "regression":
        frame["target"] = frame["target"].round().astype(int)
    settings = project(frame)
    check(settings)
    train(*rows_of(settings), settings, quiet)
    ask_gate(settings, override="only the machinery is looked at")
    with serving(settings) as running:
        for path in POSTS:
            every_example_is_taken(running.http, path)


def test_the_three_forms_of_invocations_have_an_example_each(told: dict[str, Any]) -> None:
    body = body_of(told, "/invocations")
    names = {"dataframe_split", "dataframe_records", "instances"}
    assert set(body["examples"]) == names
    assert {name for form in body["schema"]["anyOf"] for name in form["required"]} == names


def test_an_example_is_a_test_row_of_the_release_and_holds_features_only(
    told: dict[str, Any], champion: Any
) -> None:
    (row,) = body_of(told, "/predict")["examples"]["highest"]["value"]["rows"]
    assert list(row) == champion.release.contract.features
    assert row == champion.release.evaluation.examples[0].row


def test_every_reference_leads_somewhere(told: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    found = set(references(told))
    assert found
    assert found <= known
    assert "#/components/schemas/Row" in found


@pytest.mark.parametrize("path", POSTS)
def test_every_status_that_can_come_is_told(told: dict[str, Any], path: str) -> None:
    assert set(told["paths"][path]["post"]["responses"]) == STATUSES[path] | {"200"}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"instances": [1]}', b'{"rows": [{"x": 1}]}', b" " * 2**21]
)
def test_a_refusal_has_the_shape_that_is_told(client: Any, path: str, body: bytes) -> None:
    answer = client.post(path, content=body)
    if answer.status_code == 422:
        assert forms.Refused.model_validate(answer.json(), extra="forbid").detail
    else:
        assert answer.status_code == 413
        assert forms.Failed.model_validate(answer.json(), extra="forbid").detail


def test_the_key_of_a_request_that_counts_once_is_told_where_it_is_heeded(told: Any) -> None:
    heeded = {
        path for path, routes in told["paths"].items()
        if "Idempotency-Key" in [p["name"] for p in routes.get("post", {}).get("parameters", [])]
    }  # fmt: skip
    assert heeded == {"/predict", "/invocations"}


def test_an_outcome_of_another_kind_is_refused_in_the_shape_that_is_told(client: Any) -> None:
    outcome = {"request_id": "a", "row": 0, "value": "perhaps"}
    answer = client.post("/outcomes", json={"outcomes": [outcome]})
    (task,) = forms.Refused.model_validate(answer.json()).detail
    assert (answer.status_code, task.loc) == (422, "outcomes.0.value")


def test_reading_has_shapes_too(client: Any, told: dict[str, Any]) -> None:
    shapes = {
        "/model": forms.Described,
        "/card": Card,
        "/ping": forms.Alive,
        "/health/live": forms.Alive,
        "/health/ready": forms.Ready,
    }
    for path, shape in shapes.items():
        assert shape.model_validate(client.get(path).json(), extra="forbid")
        responses = told["paths"][path]["get"]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith(f"/{shape.__name__}")


def test_the_rows_to_try_are_rows_of_the_contract(client: Any, champion: Any) -> None:
    said = client.get("/model").json()
    assert [e["which"] for e in said["examples"]] == ["typical", "lowest", "middle", "highest"]
    kind = rows_type(champion.release.contract, champion.settings.service)
    kind.model_validate({"rows": [example["row"] for example in said["examples"]]})
    assert [column["name"] for column in said["columns"]] == champion.release.contract.features


@pytest.mark.parametrize("keys", ["", "a-key"])
def test_a_key_is_asked_for_where_one_is_needed(
    champion: Any, serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("SERVICE_API_KEYS", keys)
    with serving(champion.copy(tmp_path), api_keys()) as running:
        headers = {"X-API-Key": keys}
        told = running.http.get("/openapi.json", headers=headers).json()
        asked = {
            path for path, routes in told["paths"].items()
            if any(route.get("security") for route in routes.values())
        }  # fmt: skip
        closed = {
            path for path, routes in told["paths"].items()
            if running.http.request(next(iter(routes)), path).status_code == 401
        }  # fmt: skip
    assert asked == closed
    assert closed == ({*POSTS, "/model", "/card"} if keys else set())
