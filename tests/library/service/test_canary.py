"""A challenger meets real traffic at no caller's cost, and goes back by itself when it is worse."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.errors import WorldBroken
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.service import rollout
from ml_lifecycle.service.rollout import chosen
from project.settings import Settings
from sqlalchemy import text

PATIENCE = 10.0  # seconds until a condition must hold; never waited for in full when it does


def until(condition: Callable[[], Any]) -> Any:
    """Return what `condition` says as soon as it says something."""
    started = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - started < PATIENCE
    return found


def in_rollout(running: Any) -> Any:
    """Return the canary of a running service as soon as its challenger is loaded."""
    canary = running.server.canary
    until(lambda: canary.loaded)
    return canary


def ask(running: Any, row: dict[str, Any], times: int = 1) -> list[dict[str, Any]]:
    """Return the answers to `times` requests; each must be one."""
    found = [running.http.post("/predict", json={"rows": [row]}) for _ in range(times)]
    assert {answer.status_code for answer in found} == {200}
    return [answer.json() for answer in found]


def shadows(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what the other model said, as rows."""
    with ledger.engine.connect() as connection:
        query = text("SELECT request_id, version, prediction, error_type FROM shadows")
        return [dict(row) for row in connection.execute(query).mappings()]


def begin(settings: Settings, number: int | None, share: float, mode: rollout.Mode) -> None:
    """Let a version meet traffic beside the champion."""
    rollout.start(settings.registry, number, share, mode, settings.approver)


def ended(ledger: Ledger) -> str:
    """Return why the last rollout ended, or nothing."""
    last = ledger.decisions("rollout")[0]
    return last.reason if last.verdict == "ended" else ""


@dataclass
class Wrapped:
    """Stands before a pipeline: what it does first is planted."""

    model: Any
    first: Callable[[], None] = lambda: None
    turned: bool = False
    broken: bool = False

    @property
    def classes_(self) -> Any:
        return self.model.classes_

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        self.first()
        y_pred = np.asarray(self.model.predict_proba(frame))
        y_pred = y_pred * np.nan if self.broken else y_pred
        return y_pred[:, ::-1] if self.turned else y_pred


def plant(canary: Any, **planted: Any) -> None:
    release = canary.loaded.release
    model = Wrapped(release.model, **planted)
    compiled = replace(canary.loaded.compiled, score=None)  # the pipeline answers
    release = replace(release, model=model)
    canary.loaded = replace(canary.loaded, release=release, compiled=compiled)


def fails() -> None:
    raise FloatingPointError


@pytest.mark.ml_test("infrastructure", 6)
def test_a_shadow_is_asked_and_not_heard(two: Any, serving: Any) -> None:
    begin(two, 2, 1.0, "shadow")
    with serving(two) as running:
        in_rollout(running)
        row = running.http.get("/model").json()["typical_row"]
        said = ask(running, row, 5)
        assert {answer["version"] for answer in said} == {1}
        kept = until(lambda: len(found := shadows(running.ledger)) == 5 and found)
        assert "rollout_version 2.0" in running.http.get("/metrics").text
    assert {row["version"] for row in kept} == {2}
    assert {row["request_id"] for row in kept} == {answer["request_id"] for answer in said}
    assert all(row["prediction"] in ("yes", "no") for row in kept)


@pytest.mark.ml_test("infrastructure", 6)
def test_a_canary_answers_the_requests_that_the_hash_of_their_id_gives_it(
    two: Any, serving: Any
) -> None:
    begin(two, None, 0.4, "canary")
    with serving(two) as running:
        in_rollout(running)
        said = ask(running, running.http.get("/model").json()["typical_row"], 40)
        until(lambda: len(shadows(running.ledger)) == sum(a["version"] == 2 for a in said))
    for answer in said:
        assert answer["version"] == (2 if chosen(answer["request_id"], 0.4) else 1)


@pytest.mark.ml_test("infrastructure", 6)
@pytest.mark.parametrize("canary", [True, False])
def test_a_challenger_that_fails_is_sent_back_and_no_caller_notices(
    two: Any, serving: Any, canary: bool
) -> None:
    begin(two, 2, 1.0, "canary" if canary else "shadow")
    with serving(two) as running:
        plant(in_rollout(running), first=fails)
        row = running.http.get("/model").json()["typical_row"]
        assert {answer["version"] for answer in ask(running, row, 5)} == {1}
        reason = until(lambda: ended(running.ledger))
        assert {row["error_type"] for row in shadows(running.ledger)} == {"FloatingPointError"}
        assert {answer["version"] for answer in ask(running, row, 2)} == {1}
    assert "it failed on" in reason


def test_a_canary_whose_trial_just_ended_still_harms_no_caller(two: Any, serving: Any) -> None:
    begin(two, 2, 1.0, "canary")
    with serving(two) as running:
        canary = in_rollout(running)
        plant(canary, first=fails)
        first, champion = canary.loaded, running.server.slot.loaded
        canary._take(None, None)
        rows = [running.http.get("/model").json()["typical_row"]]
        assert canary.answer(first, champion, rows)[1] is champion
        assert canary.asked == 0


def test_one_failure_is_counted_once(two: Any, serving: Any) -> None:
    begin(two, 2, 1.0, "canary")
    with serving(two) as running:
        canary = in_rollout(running)
        plant(canary, first=fails)
        ask(running, running.http.get("/model").json()["typical_row"])
        until(lambda: shadows(running.ledger))
        assert (canary.failed, canary.asked) == (1, 1)


def test_an_answer_that_is_no_number_is_a_failure(two: Any, serving: Any) -> None:
    begin(two, 2, 1.0, "canary")
    with serving(two) as running:
        canary = in_rollout(running)
        plant(canary, broken=True)
        row = running.http.get("/model").json()["typical_row"]
        assert {answer["version"] for answer in ask(running, row, 2)} == {1}
        assert "it failed on 2 of 2" in until(lambda: ended(running.ledger))


def test_a_challenger_that_does_not_come_now_is_asked_for_again(
    two: Any, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(two, 2, 1.0, "canary")
    shutil.rmtree(next((two.project.root / "releases").glob("2-*")))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    down = two.model_copy(update={"project": two.project.at(two.project.root)})
    with serving(down) as running:
        canary, champion = running.server.canary, running.server.slot.loaded
        with pytest.raises(WorldBroken):
            canary.refresh(champion)
        canary.fetch = two.registry.fetch
        canary.refresh(champion)
        assert canary.loaded.version.number == 2
        assert ended(running.ledger) == ""


def test_a_request_that_is_worked_on_has_not_failed(two: Any, serving: Any) -> None:
    begin(two, 2, 1.0, "canary")
    meanwhile = []
    with serving(two) as running:
        canary = in_rollout(running)
        plant(canary, first=lambda: meanwhile.append(canary.failed))
        ask(running, running.http.get("/model").json()["typical_row"], 3)
    assert meanwhile == [0, 0, 0]


def test_a_canary_that_is_slow_is_sent_back(two: Any, serving: Any) -> None:
    # The budget is below what any model takes: nobody has to wait to be slow.
    gate = two.gate.model_copy(update={"max_latency_ms": 1e-3})
    two = two.model_copy(update={"gate": gate})
    begin(two, 2, 1.0, "canary")
    with serving(two) as running:
        in_rollout(running)
        ask(running, running.http.get("/model").json()["typical_row"], 5)
        assert "the budget is 0 ms" in until(lambda: ended(running.ledger))


@pytest.mark.parametrize("canary", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_challenger_whose_outcomes_are_worse_is_sent_back_and_an_equal_one_stays(
    two: Any, serving: Any, table: Any, canary: bool, turned: bool
) -> None:
    begin(two, 2, 1.0, "canary" if canary else "shadow")
    with serving(two) as running:
        held = in_rollout(running)
        plant(held, turned=turned)
        needed = running.server.slot.loaded.release.contract.features
        rows = table(rows=300, seed=12)
        plain = rows[needed].astype(object).where(rows[needed].notna(), None).to_dict("records")
        body = {"rows": plain}
        answer = running.http.post("/predict", json=body)
        assert answer.status_code == 200, answer.text
        until(lambda: len(shadows(running.ledger)) == 300)
        outcomes = [
            {"request_id": answer.json()["request_id"], "row": i, "value": value}
            for i, value in enumerate(rows["target"])
        ]
        assert running.http.post("/outcomes", json={"outcomes": outcomes}).status_code == 200
        if turned:
            assert "its loss on 300 rows with outcomes" in until(lambda: ended(running.ledger))
        else:
            held.outcomes_at = 0.0
            held.refresh(running.server.slot.loaded)
            assert ended(running.ledger) == ""
