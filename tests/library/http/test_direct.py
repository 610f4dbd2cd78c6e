"""The short way to a route answers as the long one does: guarded, counted, in the same words."""

import json
from typing import Any

import pytest
from fastapi import Request
from ml_lifecycle.http import DirectRoute
from ml_lifecycle.http.direct import short_way
from ml_lifecycle.service import forms
from project.service import build
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

KEY = {"X-API-Key": "a key"}


@pytest.fixture(params=["the long way", "the short way"])
def ways(request: pytest.FixtureRequest, served: Any) -> Any:
    """The real application with a key, asked as tests do or as callers of a process do."""
    app = build(served.server, served.settings.project, served.settings.service, [b"a key"])
    asked = app if request.param == "the long way" else short_way(app)
    return app, TestClient(asked, raise_server_exceptions=False)


def test_both_ways_answer_refuse_and_count_alike(ways: Any, champion: Any) -> None:
    _, http = ways
    row = dict(champion.release.manifest.typical_row)
    count = 'http_requests_total{path="/predict",status="200"}'

    def counted() -> float:
        lines = http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(count))

    before = counted()
    said = http.post("/predict", json={"rows": [row]}, headers=KEY)
    assert said.status_code == 200
    assert said.headers["content-type"] == "application/json"
    forms.Predictions.model_validate_json(said.content, strict=True)
    assert counted() == before + 1
    assert http.post("/predict", json={"rows": [row]}).status_code == 401
    assert http.post("/predict", content=b"{", headers=KEY).json()["detail"][0]["loc"] == "rows"
    assert http.post("/predict", content=b" " * 2**21, headers=KEY).status_code == 413
    assert http.get("/predict", headers=KEY).status_code == 405
    assert http.post("/predict/", json={"rows": [row]}, headers=KEY).status_code == 200


def test_both_ways_say_that_the_ledger_is_away_and_hide_what_nobody_expected(
    ways: Any, champion: Any, monkeypatch: pytest.MonkeyPatch, served: Any
) -> None:
    _, http = ways
    body = json.dumps({"rows": [dict(champion.release.manifest.typical_row)]})
    for raised, status in ((OperationalError("", {}, Exception("x")), 503), (KeyError("x"), 500)):

        async def fails(*_: Any, raised: Exception = raised) -> None:
            raise raised

        monkeypatch.setattr(served.server.writer, "write", fails)
        assert http.post("/predict", content=body, headers=KEY).status_code == status


def test_a_route_that_takes_more_than_the_request_is_fastapis(ways: Any) -> None:
    app, http = ways

    @app.post("/double")
    async def double(number: int) -> int:
        return 2 * number

    async def echo(request: Request) -> forms.Alive:
        return forms.Alive(status="alive")

    assert http.post("/double?number=4", headers=KEY).json() == 8
    assert http.post("/double?number=x", headers=KEY).status_code == 422
    assert DirectRoute("/echo", echo).direct
    assert not DirectRoute("/double", double).direct


@pytest.mark.parametrize("way", [lambda app: app, short_way])
def test_both_ways_ask_the_first_route_of_a_path_and_pass_on_its_answer_as_it_is(
    way: Any, served: Any, champion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "/predict")
    app = build(served.server, served.settings.project, served.settings.service, [])
    http = TestClient(way(app))
    body = {"instances": [dict(champion.release.manifest.typical_row)]}
    assert list(http.post("/predict", json=body).json()) == ["predictions"]
    said = http.post("/predict", json=body, headers={"Accept": "text/csv"})
    assert said.headers["content-type"].startswith("text/csv")
