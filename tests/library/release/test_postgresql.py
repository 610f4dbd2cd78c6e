"""The whole way on PostgreSQL: the ledger and MLflow's registry, as a production has them."""

from typing import Any

import pytest
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release.champion import champion_release
from ml_lifecycle.release.promotion import rollback
from project.lifecycle import ask_gate as promote
from project.training import train
from sqlalchemy import create_engine, text


def test_a_model_is_trained_promoted_served_and_rolled_back_on_postgresql(
    champion: Any,
    project: Any,
    quiet: Any,
    serving: Any,
    postgresql: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As some hosts hand URLs out: a short name, and no driver.
    for name in ("LEDGER_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, postgresql().replace("postgresql:", "postgres:"))
    settings = project()
    frame, contract = champion.rows
    for _ in range(2):
        train(frame, contract, settings, quiet)
        promote(settings, override="the test needs a former champion")
    with serving(settings) as served:
        row = served.http.get("/model").json()["typical_row"]
        answer = served.http.post("/predict", json={"rows": [row]}).json()
        outcome = {"request_id": answer["request_id"], "row": 0, "value": "no"}
        reply = served.http.post("/outcomes", json={"outcomes": [outcome]})
    assert reply.status_code == 200, reply.text
    assert rollback(settings.registry, settings.approver) == (2, 1)
    assert champion_release(settings.registry)[0].number == 1
    with Ledger(settings.project.ledger_url) as ledger:
        (kept,) = ledger.served().to_dict("records")
        verdicts = [decision.verdict for decision in ledger.decisions()]
    assert (kept["request_id"], kept["outcome"]) == (answer["request_id"], "no")
    assert verdicts == ["rollback", "promote", "promote"]
    assert not list(settings.project.root.glob("ledger.db*"))
    with create_engine(settings.project.tracking_uri).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM model_versions")) == 2
