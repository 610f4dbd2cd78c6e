"""What the gate knows of looks, twins and groups; and really trained models before it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data import validate
from ml_lifecycle.data.contract import save_contract
from ml_lifecycle.data.split import row_hashes, split_rows
from ml_lifecycle.evaluation.compare import PairedPredictions, alpha_at_look, gap_difference
from ml_lifecycle.evaluation.scores import METRICS
from ml_lifecycle.evaluation.task import groups_of
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.pages.gate import gate_page
from ml_lifecycle.release.bundle import holdout, judgement
from ml_lifecycle.release.champion import champion_release
from ml_lifecycle.release.evidence import TEST, Case, gather
from ml_lifecycle.release.questions import preconditions
from project.gate import ADVICE, judge
from project.lifecycle import ask_gate as promote
from project.settings import Settings
from world import Champion, train

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
def rows(table: Any, champion: Champion) -> pd.DataFrame:
    """Typed rows that nobody was trained on."""
    return validate(champion.release.contract, table(rows=3000, seed=5), "rows")


@pytest.fixture
def bring(champion: Champion, rows: pd.DataFrame) -> Callable[..., Case]:
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


def serves(settings: Settings) -> int:
    """Return the number of the version that serves."""
    return champion_release(settings.registry)[0].number


def asked(verdict: Any, name: str) -> dict[str, Any]:
    return next(check for check in verdict.details["checks"] if check["name"] == name)


def test_all_looks_at_a_test_set_share_one_error() -> None:
    spent = [alpha_at_look(look, 0.95) for look in range(1, 1001)]
    assert spent == sorted(spent, reverse=True)
    assert 0.0499 < sum(spent) < 0.05


def test_a_later_look_asks_for_more(champion: Champion, bring: Any) -> None:
    reach = []
    for look in (1, 10):
        found = judge(bring(says(0.5), says(1.5), look=look), champion.settings)
        reach.append(asked(found, "better")["gain"]["low"])
    assert reach[1] < reach[0]


def test_each_judgement_on_outcomes_is_a_look(ledger_url: str) -> None:
    with Ledger(ledger_url) as ledger:
        assert [ledger.look("outcomes", 2, "gate", again=True) for _ in range(3)] == [1, 2, 3]


def test_twins_that_training_allows_are_allowed_by_the_gate(champion: Champion, bring: Any) -> None:
    marks = row_hashes(holdout(champion.release))[:5]
    known = judgement(champion.release)
    assert known is not None
    leaky = replace(known, seen=marks, seen_by=known.judge[:5])
    case = bring(says(0.5), says(1.5))
    for twins, verdict in ((4, "reject"), (5, "promote")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(preconditions, "judgement", lambda release: leaky)
            known = case.challenger.manifest.model_copy(update={"duplicate_rows": twins})
            challenger = replace(case.challenger, manifest=known)
            found = judge(replace(case, challenger=challenger), champion.settings)
        assert found.verdict == verdict


def other(case: Case, **manifest: Any) -> Case:
    """Return the case with a challenger of other rows, and a manifest changed as told."""
    known = case.challenger.manifest.model_copy(update={"rows_sha256": "newer"} | manifest)
    return replace(case, challenger=replace(case.challenger, manifest=known))


def test_a_refresh_has_to_be_surely_no_worse_and_a_change_surely_better(
    champion: Champion, bring: Any
) -> None:
    recipe = champion.release.manifest.recipe
    refresh = other(bring(says(1.0, 1), says(1.0, 2)))
    change = other(refresh, recipe=recipe | {"features.py": "another"})
    assert (refresh.refresh, refresh.changed) == (True, [])
    assert (change.refresh, change.changed) == (False, ["features.py"])
    found = judge(refresh, champion.settings)
    assert (found.verdict, found.question.split(",")[0]) == ("promote", "a refresh")
    assert "surely no worse by 0.02 than the champion" in found.reason
    for asked, strict in ((change, False), (refresh, True)):
        held = judge(asked, champion.settings, strict=strict)
        assert held.verdict == "hold"
        assert "surely better by 0.01" in held.question
    assert "features.py" in judge(change, champion.settings).question


def test_a_refresh_that_is_surely_worse_is_rejected_and_a_doubtful_one_held(
    champion: Champion, bring: Any
) -> None:
    worse = judge(other(bring(says(3.0), says(0.2))), champion.settings)
    assert (worse.verdict, "surely worse by 0.02" in worse.reason) == ("reject", True)
    case = other(bring(says(1.0, 1), says(1.0, 2)))
    doubtful = judge(replace(case, frame=case.frame.head(60)), champion.settings)
    assert doubtful.verdict == "hold"
    assert "have a power of 80 %" in doubtful.reason


@pytest.mark.parametrize(
    "manifest", [{"rows_sha256": None}, {"recipe": {}}, {"recipe": {"library": "another"}}]
)
def test_what_may_be_another_recipe_or_is_on_the_same_rows_is_no_refresh(
    champion: Champion, bring: Any, manifest: dict[str, Any]
) -> None:
    if "rows_sha256" in manifest:
        manifest = {"rows_sha256": champion.release.manifest.rows_sha256}
    case = other(bring(says(), says()), **manifest)
    assert case.changed
    assert not case.refresh


def test_two_models_of_one_test_set_are_compared_on_all_of_it(champion: Champion) -> None:
    release = champion.release
    with Ledger(champion.settings.project.ledger_url) as ledger:
        case = gather(replace(release, sha256="other"), release, None, ledger, 1000)
    assert len(case.frame) == release.manifest.test_rows


def test_a_group_of_one_class_does_not_hide_the_gap_of_the_others() -> None:
    random = np.random.default_rng(0)
    y_true = random.integers(0, 2, 3000)
    y_true[2000:] = 1
    good, bad = y_true + random.normal(0, 0.3, 3000), y_true + random.normal(0, 2.0, 3000)
    first = np.arange(3000) < 1000
    pair = PairedPredictions(y_true, np.where(first, good, bad), good, np.arange(3000))
    masks = [first, (np.arange(3000) < 2000) & ~first, np.arange(3000) >= 2000]
    assert gap_difference(pair, METRICS["binary"]["roc_auc"], 0.05, masks).high < -0.1


def test_rows_without_a_group_are_drawn_each_by_itself() -> None:
    frame = pd.DataFrame({"customer": ["a", "a", None, None]})
    assert len(set(groups_of(frame, "customer"))) == 3


def test_a_second_judgement_of_the_same_version_is_not_a_second_look(
    champion: Champion, quiet: Any, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    train(*champion.rows, settings, quiet)
    looks = [promote(settings).details["looks"] for _ in range(2)]
    assert looks == [2, 2]


def test_the_page_of_a_decision_names_every_question(champion: Champion, bring: Any) -> None:
    found = judge(bring(says(0.7, at=("plan", "plus", 9.0)), says(2.5)), champion.settings)
    page = gate_page(replace(found, version=2), champion.settings.project, ADVICE["hold"])
    assert ADVICE["hold"] in page
    assert "may version 2 serve? Hold" in page
    assert all(check["name"] in page for check in found.details["checks"])
    assert "<svg" in page


def test_mlflow_shows_who_serves(champion: Champion) -> None:
    shown = champion.settings.registry.by_alias()
    assert shown == champion_release(champion.settings.registry)[0]


# Below, models are really trained: slower, so last.


def test_a_better_model_serves_and_a_worse_one_does_not(
    project: Any, champion: Champion, quiet: Any
) -> None:
    settings = project(metric="neg_brier_score")
    frame, contract = champion.rows
    less = [
        c.replace(role="sensitive") if c.name in ("usage", "plan") else c for c in contract.columns
    ]
    save_contract(contract, settings.project.contract_path)
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
    assert serves(settings) == 2
    with Ledger(settings.project.ledger_url) as ledger:
        assert [d.verdict for d in ledger.decisions("promotion")] == verdicts[::-1]


@pytest.mark.parametrize(("then", "now"), [("", ""), ("ratio", ""), ("", "ratio")])
def test_the_gate_judges_on_rows_new_to_both_whatever_columns_came_or_went(
    project: Any, champion: Champion, quiet: Any, then: str, now: str
) -> None:
    settings = project(group="", metric="neg_brier_score")
    sides = []
    for gone in (then, now):
        frame, contract = champion.rows
        roles = {"customer": "id", gone: "ignored"}
        columns = tuple(c.replace(role=roles.get(c.name, c.role)) for c in contract.columns)
        kept = frame.drop(columns=["customer", *filter(None, [gone])])
        given = kept, contract.model_copy(update={"columns": columns})
        sides.append(split_rows(*given, settings.data))
        save_contract(given[1], settings.project.contract_path)
        train(*given, settings, quiet)
        verdict = promote(settings, override="a rehearsal")
    assert serves(settings) == 2
    if now:
        assert "the champion needs ratio" in verdict.reason
    else:
        fresh = set(sides[1].test) - set(sides[0].train)
        assert verdict.details["rows"] == len(fresh)
