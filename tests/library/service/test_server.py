"""The application lives, dies and lives again; what it does is counted."""

import re
import time
from pathlib import Path
from typing import Any

from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.ledger.tables import SHADOWS
from ml_lifecycle.service import rollout
from ml_lifecycle.service.server import ModelServer
from project.service import build
from sqlalchemy import func, select
from starlette.testclient import TestClient
from world import Champion, Settings

PATIENCE = 10.0  # seconds until a condition must hold; never waited for in full when it does


def shadows(ledger: Ledger) -> int:
    """Return how many rows the challenger was asked for."""
    with ledger.engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(SHADOWS)) or 0)


def test_an_application_that_ended_may_begin_again(two: Settings) -> None:
    rollout.start(two.registry, 2, 1.0, "shadow", "a test")
    with Ledger(two.project.ledger_url) as ledger:
        server = ModelServer.open(two.registry, ledger, two.service, two.rollout, 1e6)
        app = build(server, two.project, two.service, [])
        server.canary.refresh(server.slot.loaded)
        row = dict(server.slot.loaded.release.manifest.typical_row)
        for life in (1, 2):
            with TestClient(app) as http:
                assert http.post("/predict", json={"rows": [row]}).status_code == 200
                assert len(ledger.served()) == life
                started = time.monotonic()
                while shadows(ledger) < life:
                    assert time.monotonic() - started < PATIENCE


def test_requests_are_counted_by_their_route_and_status(
    champion: Champion, serving: Any, tmp_path: Path
) -> None:
    with serving(champion.copy(tmp_path), [b"a-key"]) as running:
        running.http.headers["X-API-Key"] = "a-key"
        row = running.http.get("/model").json()["typical_row"]
        for _ in range(2):
            running.http.post("/predict", json={"rows": [row]})
        running.http.post("/predict", json={"rows": []})
        running.http.post("/predict", content=bytes(2**20 + 1))
        running.http.get("/no/such/page")
        running.http.get("/model", headers={"X-API-Key": "another"})
        text = running.http.get("/metrics").text
    found = re.findall(r'http_requests_total\{path="(.*)",status="(.*)"\} (.*)', text)
    assert {(path, status): float(count) for path, status, count in found} == {
        ("/model", "200"): 1,
        ("/predict", "200"): 2,
        ("/predict", "422"): 1,
        ("/predict", "413"): 1,
        ("unknown", "404"): 1,
        ("unknown", "401"): 1,
    }
    assert 'http_request_duration_seconds_count{path="/predict"} 4.0' in text
