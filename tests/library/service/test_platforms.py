"""MLflow, SageMaker, Vertex AI and Azure ML call the service as they call any container."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pandas as pd
import pytest
from fastapi import HTTPException
from ml_lifecycle import platforms
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.ledger.database import Ledger
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from world import Champion, Settings, make_table

VERTEX = "/v1/endpoints/12/deployedModels/34"


@pytest.fixture(scope="module")
def http(
    champion: Champion, over_http: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    with over_http(champion.copy(tmp_path_factory.mktemp("platforms"))) as client:
        yield client


@pytest.fixture(scope="module")
def rows(champion: Champion) -> pd.DataFrame:
    """Rows with missing numbers and words, as pandas reads them."""
    return make_table("binary", 60, seed=5)[champion.release.contract.features]


@pytest.fixture(scope="module")
def said(http: httpx.Client, rows: pd.DataFrame) -> list[str]:
    """What /predict says of the rows."""
    answer = http.post("/predict", json={"rows": json.loads(rows.to_json(orient="records"))})
    assert answer.status_code == 200, answer.text
    found = [one["prediction"] for one in answer.json()["predictions"]]
    assert set(found) == {"yes", "no"}, "else every order would be right"
    return found


def csv_of(rows: pd.DataFrame, header: bool = True) -> str:
    return rows.to_csv(index=False, header=header)


def test_mlflows_own_client_gets_its_answers(
    http: httpx.Client, rows: pd.DataFrame, said: list[str]
) -> None:
    client = ScoringServerClient(http.base_url.host, http.base_url.port)
    client.ping()
    assert rows.isna().any().any(), "MLflow writes NaN for them, which is no JSON"
    assert client.invoke(rows)["predictions"] == said
    records = rows.to_dict(orient="records")
    assert client.invoke(records)["predictions"] == said
    assert client.invoke(rows, params={"x": 1})["predictions"] == said


FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "dataframe_split": lambda rows: json.loads(rows.to_json(orient="split")),
    "dataframe_records": lambda rows: json.loads(rows.to_json(orient="records")),
    "instances": lambda rows: json.loads(rows.to_json(orient="records")),
    "inputs": lambda rows: {name: json.loads(rows[name].to_json(orient="values")) for name in rows},
    "input_data": lambda rows: json.loads(rows.to_json(orient="split")),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_json_says_the_same(
    http: httpx.Client, rows: pd.DataFrame, said: list[str], form: str
) -> None:
    answer = http.post("/invocations", json={form: FORMS[form](rows)})
    assert answer.json() == {"predictions": said}


@pytest.mark.parametrize(
    ("kind", "header", "line_end"),
    [
        ("text/csv", True, "\n"),
        ("text/csv; charset=utf-8", True, "\r\n"),
        ("text/csv; charset=UTF-8; header=absent", False, "\n"),
        ('text/csv; header="absent"', False, "\r\n"),
    ],
)
def test_sagemaker_sends_csv_and_gets_what_it_accepts(
    http: httpx.Client, rows: pd.DataFrame, said: list[str], kind: str, header: bool, line_end: str
) -> None:
    assert http.get("/ping").status_code == 200
    body = csv_of(rows, header).replace("\n", line_end).encode()
    about = {"Content-Type": kind, "X-Amzn-SageMaker-Custom-Attributes": "trace=1"}
    answer = http.post("/invocations", content=body, headers=about | {"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text == "".join(f"{one}\n" for one in said)
    answer = http.post("/invocations", content=body, headers=about | {"Accept": "application/json"})
    assert answer.json() == {"predictions": said}


def test_columns_may_come_in_any_order_and_with_a_mark_of_their_encoding(
    http: httpx.Client, rows: pd.DataFrame, said: list[str]
) -> None:
    body = csv_of(rows[rows.columns[::-1]]).encode("utf-8-sig")
    answer = http.post("/invocations", content=body, headers={"Content-Type": "text/csv"})
    assert answer.json() == {"predictions": said}


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*, application/json;q=0.5", "text/csv"),
        ("text/csv;q=0.1, application/json", "application/json"),
        ("image/png, text/csv", "text/csv"),
    ],
)
def test_the_type_that_a_caller_likes_best_is_answered(
    http: httpx.Client, rows: pd.DataFrame, accept: str, given: str
) -> None:
    body = {"instances": FORMS["instances"](rows[:1])}
    answer = http.post("/invocations", json=body, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == given


@pytest.mark.parametrize(
    ("about", "status"),
    [
        ({"Accept": "application/x-npy"}, 406),
        ({"Accept": "application/json;q=0"}, 406),
        ({"Accept": "text/csv;q=much"}, 406),
        ({"Content-Type": "application/x-parquet"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": ";;;="}, 415),
    ],
)
def test_another_type_is_refused_and_nothing_is_written(
    served: Any, rows: pd.DataFrame, about: dict[str, str], status: int
) -> None:
    before = len(served.ledger.served())
    body = json.dumps({"instances": FORMS["instances"](rows[:1])})
    headers = {"Content-Type": "application/json"} | about
    answer = served.http.post("/invocations", content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert len(served.ledger.served()) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"usage,usage\n1,2\n",
        b"usage\n1,2\n",
        b'usage\n"1\n',
        b"usage\n\xff\n",
        b"colour\nsecret-value\n",
        b"usage," + b"x" * 200_000 + b"\n1,2\n",
    ],
)
def test_what_is_no_csv_of_the_contract_is_refused_and_not_repeated(
    http: httpx.Client, body: bytes
) -> None:
    answer = http.post("/invocations", content=body, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
    assert "secret-value" not in answer.text


@pytest.mark.parametrize(
    "content",
    [
        {"inputs": {"usage": [1.0], "plan": ["pro", "pro"]}},
        {"inputs": {"usage": [1.0], "plan": "p"}},
        {"inputs": {"usage": 1.0}},
        {"inputs": {"a": "x", "b": "y"}},
        {"dataframe_split": {"columns": ["a", "b"], "data": ["ab"]}},
        {"input_data": {"columns": ["a"]}},
        {"data": []},
        ["instances"],
        "instances",
    ],
)
def test_what_is_none_of_the_forms_is_refused(http: httpx.Client, content: Any) -> None:
    assert http.post("/invocations", json=content).status_code == 422
    with pytest.raises(HTTPException):  # whatever the contract is
        platforms.from_invocation(json.dumps(content).encode(), platforms.JSON, [])


def test_an_infinite_number_is_refused_and_a_missing_one_is_taken(
    http: httpx.Client, rows: pd.DataFrame
) -> None:
    row = FORMS["instances"](rows.dropna()[:1])[0]
    for value, status in ((float("nan"), 200), (float("inf"), 422), (-float("inf"), 422)):
        body = json.dumps({"instances": [row | {"usage": value}]})
        assert http.post("/invocations", content=body).status_code == status


@pytest.fixture
def on_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIP_HEALTH_ROUTE", VERTEX)
    monkeypatch.setenv("AIP_PREDICT_ROUTE", f"{VERTEX}:predict")


def ask_as_vertex(http: httpx.Client, path: str, rows: pd.DataFrame) -> httpx.Response:
    body = {"instances": FORMS["instances"](rows), "parameters": {"confidence": 0.5}}
    return http.post(path, json=body, headers={"User-Agent": "Google-Cloud-ML-Vertex"})


def test_vertex_finds_its_routes_by_the_environment_alone(
    on_vertex: None, apart: Settings, over_http: Any, rows: pd.DataFrame, said: list[str]
) -> None:
    with over_http(apart) as http:
        assert http.get(VERTEX).status_code == 200
        assert ask_as_vertex(http, f"{VERTEX}:predict", rows).json() == {"predictions": said}
    with Ledger(apart.project.ledger_url) as ledger:
        assert len(ledger.served()) == len(rows)


def test_of_vertex_routes_only_the_one_that_asks_for_health_is_open(
    on_vertex: None, champion: Champion, over_http: Any, tmp_path: Any, rows: pd.DataFrame
) -> None:
    with over_http(champion.copy(tmp_path), [b"a-key"]) as http:
        assert http.get(VERTEX).status_code == 200
        assert ask_as_vertex(http, f"{VERTEX}:predict", rows).status_code == 401
        assert http.post("/score", json={}).status_code == 401


def test_vertex_may_call_its_routes_as_ours_are_called(
    monkeypatch: pytest.MonkeyPatch,
    champion: Champion,
    over_http: Any,
    tmp_path: Any,
    rows: pd.DataFrame,
    said: list[str],
) -> None:
    monkeypatch.setenv("AIP_HEALTH_ROUTE", "/")
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "/predict")
    with over_http(champion.copy(tmp_path)) as http:
        assert http.get("/").json() == {"status": "ready", "version": 1}
        assert ask_as_vertex(http, "/predict", rows).json() == {"predictions": said}


@pytest.mark.parametrize("form", ["split", "list", "columns"])
def test_azure_scores_and_probes(
    http: httpx.Client, rows: pd.DataFrame, said: list[str], form: str
) -> None:
    assert [http.get(f"/health/{path}").status_code for path in ("live", "ready")] == [200, 200]
    forms = {"split": "input_data", "list": "instances", "columns": "inputs"}
    body = {"input_data": FORMS[forms[form]](rows)}
    about = {"Authorization": "Bearer abc", "azureml-model-deployment": "blue"}
    assert http.post("/score", json=body, headers=about).json() == {"predictions": said}


@pytest.mark.parametrize("name", ["AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"])
def test_a_platforms_port_is_listened_to_from_everywhere(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert platforms.address() == {}
    monkeypatch.setenv(name, "8080")
    assert platforms.address() == {"host": "0.0.0.0", "port": 8080}
    for wrong in ("http", "-1", "65536", "80 80"):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(WrongUse, match=name):
            platforms.address()


def test_a_route_that_is_no_path_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "predict")
    with pytest.raises(WrongUse, match="AIP_PREDICT_ROUTE"):
        platforms.predict_routes()


def test_text_with_commas_and_quotes_comes_as_it_is(http: httpx.Client, rows: pd.DataFrame) -> None:
    odd = rows[:1].assign(plan='a, "b"\nc')
    text = io.StringIO()
    odd.to_csv(text, index=False)
    answer = http.post(
        "/invocations", content=text.getvalue(), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200
