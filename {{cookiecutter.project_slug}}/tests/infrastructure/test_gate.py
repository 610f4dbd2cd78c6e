"""Only a model that is better, beyond chance, comes to serve; and each question can say no."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from project.gate import judge
from project.lifecycle import ask_gate, rehearse
from project.training import train
from world import copy_of, make_table, quick, quiet

from ml_lifecycle.data import validate
from ml_lifecycle.data.contract import save_contract
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.release import Case
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release.evidence import TEST, gather

# Both models are the champion's own, whose predictions are planted: what the gate sees of them is
# known to the last digit.


@dataclass
class Planted:
    """Stands for a pipeline: its guess is a function of the row alone."""

    y_pred: Callable[[pd.DataFrame], np.ndarray]
    classes_ = ("no", "yes")

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        positive = np.clip(self.y_pred(frame), 0.001, 0.999)
        return np.column_stack([1 - positive, positive])


def noise(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Return (rows,) normal noise that depends on the row alone, so that slices see the same."""
    return np.array([np.random.default_rng([seed, int(i)]).normal() for i in frame["ratio"] * 1e6])


def says(weight: float = 1.0, seed: int = 1, off: float = 0.0, at: Any = None) -> Planted:
    """Return a model whose guess follows what made the target, blurred by `weight` of noise.

    off: added to every guess; at: (column, value, weight there).
    """

    def y_pred(frame: pd.DataFrame) -> np.ndarray:
        score = (frame["usage"].fillna(50) - 50) / 8 + 1.5 * (frame["plan"] == "pro")
        score = (score - 0.2 * (frame["calls"] - 8)).to_numpy(dtype="float64")
        blur = np.full(len(frame), weight)
        if at:
            blur[(frame[at[0]] == at[1]).to_numpy()] = at[2]
        return 1 / (1 + np.exp(-(1.7 * (score + blur * noise(frame, seed)) - 1))) + off

    return Planted(y_pred)


@pytest.fixture(scope="module")
def rows(champion: Any) -> pd.DataFrame:
    """Typed rows that nobody was trained on."""
    return validate(champion.release.contract, make_table(rows=3000, seed=5), "rows")


@pytest.fixture
def bring(champion: Any, rows: pd.DataFrame) -> Callable[..., Case]:
    """Make the case of a planted challenger against a planted champion and anchor."""

    def make(
        ours: Planted,
        theirs: Planted,
        frozen: Planted | None = None,
        metric: str = "neg_brier_score",
        **more: Any,
    ) -> Case:
        known = replace(champion.release.evaluation, metric=metric)
        side = [replace(champion.release, model=m, evaluation=known) for m in (ours, theirs)]
        anchor = replace(champion.release, model=frozen, sha256="anchor") if frozen else None
        return Case(*side, anchor, rows, TEST, "key", **more)

    return make


def asked(verdict: Any, name: str) -> dict[str, Any]:
    return next(check for check in verdict.details["checks"] if check["name"] == name)


@pytest.mark.ml_test("infrastructure", 4)
@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "said"),
    [
        (says(0.5), says(1.5), "promote", "beside the champion's"),
        (says(0.5), says(1.5), "promote", "better than the champion, surely by more than 0.01"),
        (says(1.5), says(0.5), "reject", "worse than the champion"),
        (says(1.0), says(1.0), "hold", "not surely better"),
        (says(1.0, seed=2), says(1.0, seed=1), "hold", "a power of 80 % for a gain of"),
    ],
)
def test_better_is_promoted_worse_rejected_and_equal_held(
    champion: Any, bring: Any, ours: Planted, theirs: Planted, verdict: str, said: str
) -> None:
    found = judge(bring(ours, theirs), champion.settings)
    assert found.verdict == verdict
    assert said in found.reason


@pytest.mark.ml_test("infrastructure", 4)
@pytest.mark.parametrize(
    ("ours", "frozen", "verdict", "name"),
    [
        (says(0.7, at=("plan", "plus", 9.0)), None, "hold", "plan = plus"),
        (says(0.5, at=("gender", "male", 2.8)), None, "hold", "the gap by gender"),
        (says(0.7, off=0.4), None, "hold", "calibration"),
        (says(0.7), says(0.0), "reject", "not worse than the anchor"),
        (says(0.7), says(1.0, seed=3), "promote", "not worse than the anchor"),
    ],
)
def test_a_gain_that_costs_a_slice_a_group_the_calibration_or_the_anchor_is_kept_out(
    champion: Any, bring: Any, ours: Planted, frozen: Planted | None, verdict: str, name: str
) -> None:
    found = judge(bring(ours, says(2.5), frozen, "roc_auc"), champion.settings)
    assert asked(found, "better")["verdict"] == "promote"
    assert asked(found, name)["verdict"] == verdict
    assert found.verdict == verdict


@pytest.mark.ml_test("infrastructure", 4)
@pytest.mark.parametrize(
    ("change", "case", "verdict", "said"),
    [
        ({}, {}, "promote", "first champion"),
        ({}, {"look": 51}, "hold", "version 51 of 50"),
        ({"max_latency_ms": 7}, {"latency": 8.0}, "reject", "one row takes 8 ms"),
    ],
)
def test_looks_and_latency_have_a_budget(
    champion: Any, change: dict[str, Any], case: dict[str, Any], verdict: str, said: str
) -> None:
    gate = champion.settings.gate.model_copy(update=change)
    settings = champion.settings.model_copy(update={"gate": gate})
    with Ledger(settings.project.ledger_url) as ledger:
        first = gather(champion.release, None, None, ledger, gate.min_outcomes)
    found = judge(replace(first, **case), settings)
    assert found.verdict == verdict
    assert said in found.reason


def test_one_row_through_the_service_takes_a_time(champion: Any) -> None:
    assert 0 < rehearse(champion.release, champion.settings) < 1e5


def test_a_contract_edited_since_training_is_named(
    champion: Any, bring: Any, tmp_path: Path
) -> None:
    settings = copy_of(champion.settings, tmp_path)
    path = settings.project.contract_path
    path.write_text(path.read_text().replace("nullable: true", "nullable: false", 1))
    found = judge(bring(says(0.5), says(1.5)), settings)
    assert found.verdict == "hold"
    assert "contract.yaml and the release differ in" in found.reason


def test_the_questions_stand_in_their_order(champion: Any, bring: Any) -> None:
    names = [c["name"] for c in judge(bring(says(1), says(1)), champion.settings).details["checks"]]
    assert names[:11] == [
        "question",
        "no test row was trained on",
        "same contract",
        "looks",
        "latency",
        "floors",
        "value",
        "what is not known",
        "common rows",
        "better",
        "not worse than the anchor",
    ]
    assert names[-1] == "calibration"


@pytest.mark.ml_test("infrastructure", 4)
def test_a_model_of_noise_does_not_become_the_first_champion(
    champion: Any, empty_registry: Path, tmp_path: Path
) -> None:
    settings = quick(tmp_path, metric="neg_brier_score")
    (tmp_path / "mlflow.db").write_bytes(empty_registry.read_bytes())
    frame, contract = champion.rows
    mixed = frame["target"].sample(frac=1, random_state=1).to_numpy()
    save_contract(contract, settings.project.contract_path)
    train(frame.assign(target=mixed), contract, settings, quiet)
    assert ask_gate(settings).verdict == "reject"
    with pytest.raises(WrongUse, match="no champion yet"):
        champions.champion_release(settings.registry)
