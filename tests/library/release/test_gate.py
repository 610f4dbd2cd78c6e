"""Only a model that is better, beyond chance, comes to serve; and harm keeps it out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data import contract as contracts
from ml_lifecycle.data import values
from ml_lifecycle.data.rows import to_records
from ml_lifecycle.data.split import row_hashes, split
from ml_lifecycle.errors import CheckFailed, WrongUse
from ml_lifecycle.evaluation.compare import PairedPredictions, alpha_at_look, gap_difference
from ml_lifecycle.evaluation.scores import WEIGHTED
from ml_lifecycle.evaluation.task import groups_of
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.pages.gate import gate_page
from ml_lifecycle.release import evidence, registry
from ml_lifecycle.release.bundle import holdout
from ml_lifecycle.release.champion import champion as champion_of
from ml_lifecycle.release.evidence import PRODUCTION, TEST, Case, gather
from ml_lifecycle.service import request
from ml_lifecycle.service.rehearsal import rehearse
from project.gate import judge
from project.lifecycle import ask_gate as promote
from project.training import train

# Both models are the champion's own, whose guesses are planted: what the gate sees of them is known
# to the last digit.


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
def rows(table: Any, champion: Any) -> pd.DataFrame:
    """Typed rows that nobody was trained on."""
    return validate(champion.release.contract, table(rows=3000, seed=5), "rows")


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
        known = champion.release.evaluation | {"metric": metric}
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
    assert 0 < rehearse(champion.release, settings) < 1e5


def test_a_release_that_the_service_answers_otherwise_with_is_not_judged(champion: Any) -> None:
    other = replace(champion.release, model=says(1.0))
    with pytest.raises(CheckFailed, match="golden row 1: the service answers otherwise"):
        rehearse(other, champion.settings)


def test_a_service_that_reads_a_code_as_it_is_written_is_found_out(
    champion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse(champion.release, champion.settings)
    for module in (request, values):
        monkeypatch.setattr(module, "reader", lambda column: lambda value: value and str(value))
    with pytest.raises(CheckFailed, match=r"golden row \d+, typed: the service answers otherwise"):
        rehearse(champion.release, champion.settings)


def test_all_looks_at_a_test_set_share_one_error() -> None:
    spent = [alpha_at_look(look, 0.95) for look in range(1, 1001)]
    assert spent == sorted(spent, reverse=True)
    assert 0.0499 < sum(spent) < 0.05


def test_a_later_look_asks_for_more(champion: Any, bring: Any) -> None:
    reach = []
    for look in (1, 10):
        found = judge(bring(says(0.5), says(1.5), look=look), champion.settings)
        reach.append(asked(found, "better")["gain"]["low"])
    assert reach[1] < reach[0]


def test_a_contract_edited_since_training_is_named(
    champion: Any, bring: Any, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    text = settings.project.contract_path.read_text()
    settings.project.contract_path.write_text(text.replace("nullable: true", "nullable: false", 1))
    found = judge(bring(says(0.5), says(1.5)), settings)
    assert found.verdict == "hold"
    assert "contract.yaml and the release differ in" in found.reason


@pytest.fixture
def lived(champion: Any, table: Any, tmp_path: Path) -> Callable[..., Case]:
    """Serve rows with their outcomes; return the case of the champion against itself."""
    settings = champion.copy(tmp_path)
    contract = champion.release.contract
    columns = [c.name for c in contract.columns if c.role not in ("target", "ignored", "id")]

    def serve(rows: pd.DataFrame, enough: int, odd: str = "", **change: Any) -> Case:
        sent = to_records(rows[columns])
        about = {
            "created_at": now() - timedelta(days=1),
            "version": 1,
            "prediction": "no",
            "probabilities": {},
        }
        values = [odd or value for value in rows["target"]]
        ours = replace(champion.release, sha256="challenger")
        with Ledger(settings.project.ledger_url) as ledger:
            ledger.write_predictions(
                [
                    about | {"request_id": str(i), "row": 0, "inputs": record} | change
                    for i, record in enumerate(sent)
                ]
            )
            ledger.write_outcomes(
                [{"request_id": str(i), "row": 0, "value": v} for i, v in enumerate(values)]
            )
            return gather(ours, champion.release, None, ledger, enough)

    return serve


def test_outcomes_from_production_judge_where_there_are_enough(
    champion: Any, lived: Callable[..., Case], table: Any
) -> None:
    enough = lived(table(rows=300, seed=9), 300)
    assert (enough.where, len(enough.frame)) == ("outcomes from production", 300)
    assert enough.key != champion.release.manifest.test_sha256
    verdict = judge(enough, champion.settings)
    assert verdict.verdict == "hold"
    assert "of outcomes from production" in verdict.reason
    assert asked(verdict, "the gap by gender")


@pytest.mark.parametrize("gone", ["customer", "gender"])
def test_an_outcome_that_may_have_been_trained_on_does_not_judge(
    lived: Callable[..., Case], table: Any, gone: str
) -> None:
    assert lived(table(rows=120, seed=9).assign(**{gone: None}), 50).where == TEST


@pytest.mark.parametrize(("gone", "where"), [("customer", PRODUCTION), ("gender", TEST)])
def test_a_later_outcome_needs_only_what_fairness_needs(
    lived: Callable[..., Case], table: Any, gone: str, where: str
) -> None:
    later = now() + timedelta(days=1)
    assert lived(table(rows=120, seed=9).assign(**{gone: None}), 50, at=later).where == where


def test_rows_that_were_trained_on_do_not_judge(champion: Any, lived: Callable[..., Case]) -> None:
    assert len(lived(champion.rows[0], 50).frame) == champion.release.manifest.test_rows


def test_outcomes_of_no_class_judge_nobody(lived: Callable[..., Case], table: Any) -> None:
    assert lived(table(rows=120, seed=9), 50, odd="perhaps").where == TEST


def test_each_judgement_on_outcomes_is_a_look(ledger_url: str) -> None:
    with Ledger(ledger_url) as ledger:
        assert [ledger.look("outcomes", 2, "gate", again=True) for _ in range(3)] == [1, 2, 3]


def test_twins_that_training_allows_are_allowed_by_the_gate(champion: Any, bring: Any) -> None:
    known = holdout(champion.release)
    columns = [c.name for c in champion.release.contract.columns if c.name in known]
    marks = row_hashes(known[columns])[:5]
    case = bring(says(0.5), says(1.5))
    for twins, verdict in ((4, "reject"), (5, "promote")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evidence, "trained_on", lambda release: marks)
            lineage = champion.release.lineage | {"duplicate_rows": twins}
            found = judge(
                replace(case, challenger=replace(case.challenger, lineage=lineage)),
                champion.settings,
            )
        assert found.verdict == verdict


def test_a_group_of_one_class_does_not_hide_the_gap_of_the_others() -> None:
    random = np.random.default_rng(0)
    y_true = random.integers(0, 2, 3000)
    y_true[2000:] = 1
    good, bad = y_true + random.normal(0, 0.3, 3000), y_true + random.normal(0, 2.0, 3000)
    first = np.arange(3000) < 1000
    pair = PairedPredictions(y_true, np.where(first, good, bad), good, np.arange(3000))
    masks = [first, (np.arange(3000) < 2000) & ~first, np.arange(3000) >= 2000]
    assert gap_difference(pair, WEIGHTED["roc_auc"], 0.05, masks).high < -0.1


def test_rows_without_a_group_are_drawn_each_by_itself() -> None:
    frame = pd.DataFrame({"customer": ["a", "a", None, None]})
    assert len(set(groups_of(frame, "customer"))) == 3


def test_a_second_judgement_of_the_same_version_is_not_a_second_look(
    champion: Any, quiet: Any, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    train(*champion.rows, settings, quiet)
    looks = [promote(settings).details["looks"] for _ in range(2)]
    assert looks == [2, 2]


def test_the_page_of_a_decision_names_every_question(champion: Any, bring: Any) -> None:
    found = judge(bring(says(0.7, at=("plan", "plus", 9.0)), says(2.5)), champion.settings)
    page = gate_page(replace(found, version=2))
    assert "may version 2 serve? Hold" in page
    assert all(check["name"] in page for check in found.details["checks"])
    assert "<svg" in page


def test_mlflow_shows_who_serves(champion: Any) -> None:
    shown = registry.by_alias(champion.settings)
    assert shown == champion_of(champion.settings)


# Below, models are really trained: slower, so last.


@pytest.mark.ml_test("infrastructure", 4)
def test_a_better_model_serves_and_a_worse_one_does_not(
    project: Any, champion: Any, quiet: Any
) -> None:
    settings = project(metric="neg_brier_score")
    frame, contract = champion.rows
    less = [
        c.replace(role="sensitive") if c.name in ("usage", "plan") else c for c in contract.columns
    ]
    contracts.save(contract, settings.project.contract_path)
    strong = settings, contract
    data = settings.data.model_copy(update={"sensitive": ("gender", "usage", "plan")})
    weak = (
        settings.model_copy(update={"data": data}),
        contract.model_copy(update={"columns": tuple(less)}),
    )
    verdicts = []
    for chosen, given in (weak, strong, weak):
        train(frame, given, chosen, quiet)
        verdicts.append(promote(chosen).verdict)
    assert verdicts[1:] == ["promote", "reject"]
    assert champion_of(settings).number == 2
    with Ledger(settings.project.ledger_url) as ledger:
        assert [d["verdict"] for d in ledger.decisions("promotion")] == verdicts[::-1]


@pytest.mark.ml_test("infrastructure", 4)
def test_a_model_of_noise_does_not_become_the_first_champion(
    project: Any, champion: Any, quiet: Any
) -> None:
    settings = project(metric="neg_brier_score")
    frame, contract = champion.rows
    mixed = frame["target"].sample(frac=1, random_state=1).to_numpy()
    contracts.save(contract, settings.project.contract_path)
    train(frame.assign(target=mixed), contract, settings, quiet)
    assert promote(settings).verdict == "reject"
    with pytest.raises(WrongUse, match="no champion yet"):
        champion_of(settings)


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
        columns = tuple(c.replace(role=roles.get(c.name, c.role)) for c in contract.columns)
        kept = frame.drop(columns=["customer", *filter(None, [gone])])
        given = kept, contract.model_copy(update={"columns": columns})
        sides.append(split(*given, settings))
        contracts.save(given[1], settings.project.contract_path)
        train(*given, settings, quiet)
        verdict = promote(settings, override="a rehearsal")
    assert champion_of(settings).number == 2
    if now:
        assert "the champion needs ratio" in verdict.reason
    else:
        fresh = set(sides[1].test) - set(sides[0].train)
        assert verdict.details["rows"] == len(fresh)
