"""Only a model that is better, beyond chance, comes to serve; and the way back is short."""

import time
from pathlib import Path
from typing import Any

import pytest
from project.data.split import split
from project.errors import CheckFailed
from project.ledger import Ledger
from project.model.train import train
from project.release import registry
from project.release.gate import judge
from project.release.promotion import promote, rollback

PATIENCE = 30.0  # seconds until a condition must hold; never waited for in full when it does


@pytest.mark.ml_test("infrastructure", 4)
def test_a_better_model_serves_and_a_worse_one_does_not(
    project: Any, champion: Any, quiet: Any
) -> None:
    settings = project(metric="neg_brier_score")
    frame, contract = champion.rows
    less = [c.but(role="sensitive") if c.name in ("usage", "plan") else c for c in contract.columns]
    weak = contract.model_copy(update={"columns": tuple(less)})
    verdicts = []
    for given in (weak, contract, weak):
        train(frame, given, settings, quiet)
        verdicts.append(promote(settings).verdict)
    assert verdicts[1:] == ["promote", "reject"]
    assert registry.champion(settings).number == 2
    with Ledger(settings.ledger_url) as ledger:
        assert [d["verdict"] for d in ledger.decisions("promotion")] == verdicts[::-1]


@pytest.mark.ml_test("infrastructure", 4)
def test_a_model_of_noise_does_not_become_the_first_champion(
    project: Any, champion: Any, quiet: Any
) -> None:
    settings = project(metric="neg_brier_score")
    frame, contract = champion.rows
    mixed = frame["target"].sample(frac=1, random_state=1).to_numpy()
    train(frame.assign(target=mixed), contract, settings, quiet)
    assert promote(settings).verdict == "reject"
    assert registry.by_alias(settings) is None


@pytest.mark.ml_test("infrastructure", 4)
@pytest.mark.parametrize(
    ("change", "looks", "verdict", "said"),
    [
        ({}, 1, "promote", "first champion"),
        ({}, 51, "hold", "looked at 51 times"),
        ({"latency_ms": 1e-6}, 1, "reject", "more than the budget"),
    ],
)
def test_looks_and_latency_have_a_budget(
    champion: Any, change: dict[str, Any], looks: int, verdict: str, said: str
) -> None:
    gate = champion.settings.gate.model_copy(update=change)
    settings = champion.settings.model_copy(update={"gate": gate})
    found = judge(champion.release, None, None, settings, looks)
    assert found.verdict == verdict
    assert said in found.reason


@pytest.mark.ml_test("infrastructure", 7)
def test_a_rollback_reaches_the_running_service_without_a_failed_request(
    champion: Any, quiet: Any, serving: Any, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    train(*champion.rows, settings, quiet)
    assert promote(settings, override="a rehearsal").verdict == "promote"
    with serving(settings) as running:
        usual = running.http.get("/model").json()["usual"]

        def version() -> int:
            answer = running.http.post("/predict", json={"rows": [usual]})
            assert answer.status_code == 200
            return int(answer.json()["version"])

        assert version() == 2
        assert rollback(settings) == (2, 1)
        until = time.monotonic() + PATIENCE
        while version() != 1:
            assert time.monotonic() < until
    with pytest.raises(CheckFailed, match="no former champion"):
        rollback(settings)


@pytest.mark.ml_test("infrastructure", 4)
@pytest.mark.parametrize(("then", "now"), [("", ""), ("ratio", ""), ("", "ratio")])
def test_the_gate_judges_on_rows_new_to_both_whatever_columns_came_or_went(
    project: Any, champion: Any, quiet: Any, then: str, now: str
) -> None:
    settings = project(group="", metric="neg_brier_score")
    sides = []
    for gone in (then, now):
        frame, contract = champion.rows
        roles = {"customer": "id", gone: "ignored"}
        columns = tuple(c.but(role=roles.get(c.name, c.role)) for c in contract.columns)
        kept = frame.drop(columns=["customer", *filter(None, [gone])])
        given = kept, contract.model_copy(update={"columns": columns})
        sides.append(split(*given, settings))
        train(*given, settings, quiet)
        verdict = promote(settings, override="a rehearsal")
    assert registry.champion(settings).number == 2
    if not now:  # a champion whose column is gone cannot be compared with at all
        fresh = set(sides[1].test) - set(sides[0].train)
        assert verdict.details["champion"]["rows"] == len(fresh)
