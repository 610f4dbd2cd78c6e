"""A verdict asks for a training, but not too often; and nothing is learnt from a broken pipe."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import world
from click.testing import CliRunner
from ml_lifecycle.errors import CheckFailed, WorldBroken
from ml_lifecycle.evaluation.labelled import SERVED, labelled
from ml_lifecycle.ledger import Outcome, take_outcomes
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.ledger.tables import DECISIONS
from ml_lifecycle.monitoring import DriftSettings, Looks, gather, parted
from ml_lifecycle.monitoring.skew import skew
from ml_lifecycle.monitoring.window import served_frame
from project import lifecycle, loop
from project.cli import main
from project.monitoring import check
from pydantic import ValidationError
from world import Champion, Settings, prediction


@pytest.fixture
def own(champion: Champion, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = champion.copy(tmp_path)
    world.write_toml(settings.project.root, {})
    monkeypatch.setenv("LEDGER_URL", settings.project.ledger_url)
    monkeypatch.chdir(settings.project.root)
    return settings


TELLS = {"looks": {}, "loss": {"now": 0.1}}


def checked(ledger: Ledger, verdict: str, details: Any = TELLS) -> None:
    ledger.decide("drift", verdict, "", 1, details=details)


def trained(ledger: Ledger, verdict: str, days_ago: float) -> None:
    ledger.decide("retrain", "done", "", 2, details={"gate": verdict})
    latest = ledger.decisions("retrain", last=1)[0].id
    with ledger.engine.begin() as connection:
        moment = datetime.now(UTC) - timedelta(days=days_ago)
        connection.execute(DECISIONS.update().filter_by(id=latest).values(created_at=moment))


@pytest.mark.parametrize(
    ("verdict", "trainings", "said"),
    [
        ("quiet", [], "the last check that could tell says quiet"),
        ("fault", [], "the last check that could tell says fault"),
        ("retrain", [], ""),
        ("retrain", [("reject", 8)], ""),
        ("retrain", [("reject", 6)], "the last training was on"),
        ("retrain", [("promote", 30), ("reject", 20), ("reject", 10)], ""),
    ],
)
def test_a_training_begins_when_a_check_asks_for_it_after_the_cool_down(
    own: Settings, ledger: Ledger, verdict: str, trainings: list[Any], said: str
) -> None:
    for how, days in trainings:
        trained(ledger, how, days)
    checked(ledger, verdict)
    found = loop.why_not(own, ledger, 1)
    assert said in found
    assert bool(said) == bool(found)


def test_a_verdict_is_acted_on_once_and_a_person_looks_after_so_many_attempts(
    own: Settings, ledger: Ledger
) -> None:
    assert loop.why_not(own, ledger, 1) == "no check could tell whether it hurts"
    for days in (40, 30, 20):
        assert not loop.why_not(own, ledger, 1) if days < 40 else True
        checked(ledger, "retrain")
        trained(ledger, "reject", days)
        assert loop.why_not(own, ledger, 1) == "the last check was acted on already"
        checked(ledger, "retrain")
        if days > 20:
            assert not loop.why_not(own, ledger, 1)
    with pytest.raises(CheckFailed, match="3 trainings in a row did not get past the gate"):
        loop.why_not(own, ledger, 1)


def test_a_call_for_retraining_stays_until_outcomes_take_it_back(
    own: Settings, ledger: Ledger
) -> None:
    checked(ledger, "retrain")
    checked(ledger, "insufficient data", {"looks": {}, "loss": {"now": None}})
    checked(ledger, "quiet", {"looks": {}, "loss": {"now": None}})
    checked(ledger, "quiet", {})  # with --last
    checked(ledger, "fault", {"looks": {}, "loss": {"now": 0.1}})
    assert loop.why_not(own, ledger, 1) == "the last check that could tell says fault"
    checked(ledger, "quiet", {"looks": {}, "loss": {"now": None}})
    assert not loop.why_not(own, ledger, 1)
    checked(ledger, "watch")
    assert loop.why_not(own, ledger, 1) == "the last check that could tell says watch"


def test_a_version_that_came_to_serve_ends_the_row_of_trainings_turned_away(
    own: Settings, ledger: Ledger
) -> None:
    for days in (40, 30, 20):
        trained(ledger, "reject", days)
    checked(ledger, "retrain")
    with pytest.raises(CheckFailed, match="3 trainings in a row"):
        loop.why_not(own, ledger, 1)
    ledger.decide("promotion", "promote", "by hand", 1)
    assert not loop.why_not(own, ledger, 1)


def test_a_fault_cannot_be_made_to_retrain() -> None:
    with pytest.raises(ValidationError, match="nothing to learn from"):
        DriftSettings(then={"fault": ["retrain"]})


def test_what_came_through_a_broken_pipe_is_not_learnt_from_until_it_is_mended(
    own: Settings, champion: Champion
) -> None:
    row = dict(champion.release.manifest.typical_row)
    with Ledger(own.project.ledger_url) as ledger:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        moments = [start + timedelta(days=day) for day in range(10)]
        ledger.write_predictions(
            [
                prediction(f"r{n}") | {"inputs": row, "created_at": at}
                for n, at in enumerate(moments)
            ]
        )
        take_outcomes(ledger, [Outcome(f"r{n}", 0, "yes") for n in range(10)])
        ends = {"from": moments[3].isoformat(), "to": moments[6].isoformat()}
        ledger.decide("drift", "fault", "", 1, details=ends)
        ledger.decide("drift", "watch", "", 1, details=ends)
        contract = champion.release.contract
        kept = labelled(ledger, contract, without=loop.broken(ledger))
        assert sorted(kept[SERVED]) == [*moments[:3], *moments[7:]]
    said = CliRunner().invoke(main, ["drift", "--mended", "the unit is hours again"])
    assert "1 broken window may be learnt from again, as the rows are" in said.output
    with Ledger(own.project.ledger_url) as ledger:
        assert not loop.broken(ledger)
        assert len(labelled(ledger, contract, without=loop.broken(ledger))) == 10
    assert CliRunner().invoke(main, ["drift", "--mended", " "]).exit_code == 2


def test_the_window_of_a_fault_holds_no_rows_of_before_whose_outcomes_came_late(
    champion: Champion, window: Any
) -> None:
    served, looked = window(400), pd.Timestamp("2026-02-01", tz="UTC")
    days = pd.to_timedelta(np.where(np.arange(400) < 200, -20, 1), unit="D")
    served = served.assign(created_at=looked + days, outcome_at=looked + pd.Timedelta(days=2))
    looks = Looks(1, looked.isoformat(), looked.isoformat(), {})
    found = gather(champion.release, served, DriftSettings(), looks)
    assert (found.rows, found.loss.rows) == (200, 400)
    assert found.stretch == ("2026-02-02T00:00:00+00:00",) * 2


def test_a_history_is_written_by_time_and_by_column_and_unknown_ones_are_refused(
    own: Settings, window: Any
) -> None:
    served = window(600)
    rows = [
        prediction(f"r{n}")
        | {"inputs": one.inputs, "probabilities": one.probabilities, "prediction": "no"}
        for n, one in enumerate(served.itertuples())
    ]
    with Ledger(own.project.ledger_url) as ledger:
        ledger.write_predictions(rows)
    for by in ("month", "plan"):
        done = CliRunner().invoke(main, ["drift", "--by", by])
        assert done.exit_code == 0, done.output
        assert not {"WATCH", "FAULT", "RETRAIN"} & set(done.output.split()), done.output
        page = own.project.reports / "drift-history.html"
        assert f"by {by}" in page.read_text(encoding="utf-8")
        page.unlink()
    refused = CliRunner().invoke(main, ["drift", "--by", "moon"])
    assert refused.exit_code == 2
    assert "give day, month or one of" in refused.output


def test_parts_hold_every_row_once(champion: Champion, window: Any) -> None:
    served = window(300).assign(created_at=pd.Timestamp("2026-01-01", tz="UTC"))
    for by in ("day", "month", "plan"):
        parts = parted(served, by, champion.release.contract)
        assert sum(len(rows) for _, rows in parts) == 300
        assert [name for name, _ in parts] == sorted({name for name, _ in parts})


def test_answers_that_are_not_the_models_are_told_with_what_they_have_in_common(
    champion: Champion, window: Any
) -> None:
    served = window(400).assign(created_at=pd.Timestamp("2026-01-01", tz="UTC"))
    typed = served_frame(champion.release, served)
    assert skew(champion.release, served, typed) == ""
    plans = np.array([inputs["plan"] for inputs in served["inputs"]])
    off = plans == plans[0]
    said = served["probabilities"].where(~off, [{"no": 0.9, "yes": 0.1}] * 400)
    found = skew(champion.release, served.assign(probabilities=said), typed)
    assert f"{off.sum()} of 400 answers since 2026-01-01 00:00" in found
    assert f"'plan' = {plans[0]}" in found


def served_then(champion: Champion, window: Any, **change: Any) -> pd.DataFrame:
    """Return 400 rows, an hour each from 1 February on, with outcomes two days later."""
    rows = window(400, **change)
    at = pd.Timestamp("2026-02-01", tz="UTC") + pd.to_timedelta(np.arange(400), unit="h")
    return rows.assign(created_at=at, outcome_at=at + pd.Timedelta(days=2))


def test_outcomes_of_rows_from_a_broken_pipe_do_not_judge_the_model(
    champion: Champion, window: Any
) -> None:
    served = served_then(champion, window)
    worse = served["outcome"].map({"no": "yes", "yes": "no"})
    broken = np.arange(400) < 200
    served["outcome"] = served["outcome"].mask(broken, worse)
    stretch = served["created_at"].iloc[0], served["created_at"].iloc[199]
    release, drift = champion.release, DriftSettings()
    assert gather(release, served, drift).alarms["harm"]
    without = gather(release, served, drift, without=[stretch])
    assert without.loss.rows == 200
    assert not without.alarms["harm"]


def test_outcomes_of_a_window_judged_fault_leave_no_evidence(
    champion: Champion, window: Any
) -> None:
    def unit(raw: pd.DataFrame) -> dict[str, Any]:
        numbers = [c.name for c in champion.release.contract.columns if c.kind == "number"]
        return {name: raw[name].astype("float64") * 100 for name in numbers[:1]}

    found = gather(champion.release, served_then(champion, window, change=unit), DriftSettings())
    assert found.alarms["fault"]
    assert "columns" in found.looks.seen
    assert found.loss.rows == 0


def test_outcomes_without_rows_are_no_quiet_day(champion: Champion, window: Any) -> None:
    served = served_then(champion, window)
    looked = served["created_at"].max().isoformat()
    looks = Looks(1, looked, served["outcome_at"].min().isoformat(), {})
    found = check(champion.release, served, DriftSettings(), looks)
    assert found.evidence.loss.now is not None
    assert found.verdict == "insufficient data"
    assert "the loss on 399 labelled rows did not surely rise" in found.reason


def test_a_check_that_another_one_overtook_leaves_nothing(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*given: Any, **options: Any) -> Any:
        with Ledger(own.project.ledger_url) as other:
            checked(other, "quiet", {"looks": asdict(Looks(1))})
        return check(*given, **options)

    monkeypatch.setattr("project.monitoring.check", slow)
    with pytest.raises(WorldBroken, match="another check judged these rows meanwhile"):
        lifecycle.watch(own)
    with Ledger(own.project.ledger_url) as ledger:
        assert len(ledger.decisions("drift")) == 1


def test_of_each_group_one_row_tells_of_the_loss(champion: Champion, window: Any) -> None:
    served = served_then(champion, window)
    release, group = champion.release, champion.release.contract.group
    sent = served["inputs"].tolist()
    each = served.assign(inputs=[one | {group: f"g{k}"} for k, one in enumerate(sent)])
    few = served.assign(inputs=[one | {group: f"g{k // 3}"} for k, one in enumerate(sent)])
    found = [gather(release, rows, DriftSettings()).loss.rows for rows in (each, few)]
    assert found == [400, 134]
