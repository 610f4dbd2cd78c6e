"""One contract on both sides, finite answers, and a verdict that tells harm from noise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from project.lifecycle import watch
from project.monitoring import check
from world import copy_of, make_table

from ml_lifecycle.data import validate
from ml_lifecycle.data.rows import to_frame, to_records
from ml_lifecycle.errors import DataError
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.monitoring import DriftSettings


@pytest.fixture
def window(champion: Any) -> Callable[..., pd.DataFrame]:
    """Make rows as the ledger returns them, with their outcomes, of a table like the champion's."""

    def make(change: Callable[[pd.DataFrame], Any] | None = None) -> pd.DataFrame:
        raw = make_table(600, seed=77).astype(object)
        frame = raw.assign(**change(raw)) if change else raw
        inputs = frame[champion.release.contract.features]
        records = inputs.where(inputs.notna(), None).to_dict(orient="records")
        typed = to_frame(champion.release.contract, records)
        y_pred = predict_scores(champion.release.model, typed, champion.release.classes)
        said = [{"no": 1 - p, "yes": p} for p in y_pred]
        outcome = frame["target"]
        return pd.DataFrame({"inputs": records, "probabilities": said, "outcome": outcome})

    return make


@pytest.mark.ml_test("monitoring", 2)
@pytest.mark.parametrize(
    ("column", "value"),
    [("usage", "much"), ("calls", 1.5), ("calls", None), ("since", "soon"), ("ratio", "")],
)
def test_one_contract_refuses_in_training_and_at_the_service(
    champion: Any, client: Any, column: str, value: Any
) -> None:
    contract = champion.release.contract
    raw = make_table().head(20).astype(object)
    raw = raw.where(raw.notna(), np.nan).map(lambda v: v if pd.isna(v) else str(v))
    assert len(validate(contract, raw, "t.csv")) == 20
    raw.loc[7, column] = np.nan if value in (None, "") else str(value)
    with pytest.raises(DataError, match=rf"'{column}'.*row 8"):
        validate(contract, raw, "t.csv")
    row = client.get("/model").json()["typical_row"]
    assert client.post("/predict", json={"rows": [row]}).status_code == 200
    answer = client.post("/predict", json={"rows": [row | {column: value}]})
    assert answer.status_code == 422
    assert column in answer.text


@pytest.mark.ml_test("monitoring", 3)
def test_what_was_served_is_what_the_pipeline_says_of_the_ledgers_rows(
    champion: Any, client: Any, served: Any
) -> None:
    release = champion.release
    rows = to_records(champion.rows[0][release.contract.features])
    answer = client.post("/predict", json={"rows": rows}).json()
    kept = served.ledger.served()
    kept = kept[kept["request_id"] == answer["request_id"]]
    assert kept["row"].tolist() == list(range(len(rows)))
    again = predict_scores(
        release.model, to_frame(release.contract, list(kept["inputs"])), release.classes
    )
    direct = predict_scores(release.model, champion.rows[0], release.classes)
    np.testing.assert_allclose(again, direct, rtol=1e-12)
    said = [y_pred["yes"] for y_pred in kept["probabilities"]]
    np.testing.assert_allclose(said, direct, rtol=1e-12)


@pytest.mark.ml_test("monitoring", 5)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("column", ["usage", "calls", "gender", "email"])
def test_what_is_no_finite_number_is_refused(client: Any, column: str, value: str) -> None:
    row = client.get("/model").json()["typical_row"] | {column: 0}
    text = json.dumps(row).replace(f'"{column}": 0', f'"{column}": {value}')
    for path, key in (("/predict", "rows"), ("/explain", "rows"), ("/invocations", "instances")):
        body = json.dumps({key: [0]}).replace("0", text)
        expected = 422
        if value == "NaN" and path == "/invocations":  # so MLflow's client writes a missing value
            expected = client.post(path, content=body.replace("NaN", "null")).status_code
        assert client.post(path, content=body).status_code == expected


@pytest.mark.ml_test("monitoring", 5)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_an_outcome_that_is_no_finite_number_is_refused(client: Any, value: str) -> None:
    outcome = {"request_id": "a", "row": 0, "value": "it"}
    body = json.dumps({"outcomes": [outcome]}).replace('"it"', value)
    assert client.post("/outcomes", content=body).status_code == 422


@pytest.mark.ml_test("monitoring", 5)
@pytest.mark.parametrize("value", [1e6, -1e6, 1e30, 1e300, -1e300, 1.7e308, 5e-324])
def test_extreme_values_are_answered_with_finite_numbers(client: Any, value: float) -> None:
    row = client.get("/model").json()["typical_row"]
    rows = [row | {"usage": value}, row | {"ratio": value}, row | {"usage": value, "ratio": -value}]
    answer = client.post("/predict", json={"rows": rows})
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        for said in answer.json()["predictions"]:
            assert all(0 <= p <= 1 for p in said["probabilities"].values())


@pytest.mark.ml_test("monitoring", 7)
def test_without_a_change_the_verdict_is_quiet(champion: Any, window: Any) -> None:
    found = check(champion.release, window(), DriftSettings())
    assert found.verdict == "quiet"
    assert found.evidence.loss.rows == 600


@pytest.mark.ml_test("monitoring", 7)
def test_a_loss_that_rises_asks_for_a_retrain(champion: Any, window: Any) -> None:
    def other_world(table: pd.DataFrame) -> dict[str, Any]:
        flipped = np.arange(len(table)) % 3 == 0
        return {"target": table["target"].mask(flipped, table["target"].map({"yes": "no"}))}

    served = window(change=other_world)
    served.loc[served.index % 3 == 0, "outcome"] = "yes"
    found = check(champion.release, served, DriftSettings())
    assert found.verdict == "retrain"
    assert "the loss on 600 labelled rows rose" in found.reason


@pytest.mark.ml_test("monitoring", 7)
def test_a_broken_pipe_is_a_fault_and_no_reason_to_retrain(champion: Any, window: Any) -> None:
    found = check(
        champion.release, window(change=lambda t: {"usage": t["usage"] * 100}), DriftSettings()
    )
    assert found.verdict == "fault"
    assert "'usage'" in found.reason
    assert "another unit" in found.reason


def test_a_shift_that_does_not_hurt_is_watched(champion: Any, window: Any) -> None:
    found = check(
        champion.release, window(change=lambda t: {"zone": t["zone"].clip(2)}), DriftSettings()
    )
    assert found.verdict == "watch"
    assert "'zone'" in found.reason


def test_a_champion_is_not_judged_by_what_another_version_served(
    champion: Any, window: Any, tmp_path: Path
) -> None:
    settings = copy_of(champion.settings, tmp_path)
    with Ledger(settings.project.ledger_url) as ledger:
        about = {"request_id": "a", "created_at": now(), "version": 99, "prediction": "no"}
        rows = [
            about | {"row": i, "inputs": row.inputs, "probabilities": row.probabilities}
            for i, row in enumerate(window().itertuples())
        ]
        ledger.write_predictions(rows)
    assert watch(settings)[0].verdict == "insufficient data"
