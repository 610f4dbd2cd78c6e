"""Who serves changes whole or not at all, once for each decision, and the way back is short."""

import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ml_lifecycle.errors import CheckFailed, WorldBroken, WrongUse
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release import registry
from ml_lifecycle.release.promotion import move, rollback
from ml_lifecycle.release.questions import Verdict
from project.lifecycle import ask_gate as promote
from project.settings import Settings
from world import own

PATIENCE = 10.0  # seconds until a condition must hold; never waited for in full when it does
NOBODY = "http://127.0.0.1:9"


def serves(settings: Settings) -> int:
    """Return the number of the version that serves."""
    return champions.champion_release(settings.registry)[0].number


def alias(settings: Settings) -> int:
    """Return the number of the version that MLflow shows as the champion."""
    shown = settings.registry.by_alias()
    assert shown is not None
    return shown.number


def now(settings: Settings) -> Settings:
    """Return settings with the databases that the environment names now."""
    project = settings.project
    return settings.model_copy(update={"project": project.at(project.root)})


@pytest.mark.ml_test("infrastructure", 7)
def test_a_rollback_reaches_the_running_service_without_a_failed_request(
    two: Any, serving: Any
) -> None:
    promote(two, override="a rehearsal")
    with serving(two) as running:
        usual = running.http.get("/model").json()["typical_row"]

        def version() -> int:
            answer = running.http.post("/predict", json={"rows": [usual]})
            assert answer.status_code == 200
            return int(answer.json()["version"])

        assert version() == 2
        started = time.monotonic()
        assert rollback(two.registry, two.approver) == (2, 1)
        while version() != 1:
            assert time.monotonic() - started < PATIENCE


@pytest.mark.ml_test("infrastructure", 7)
def test_a_rollback_needs_no_registry(
    two: Any, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(two, override="a rehearsal")
    with serving(two) as running:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
        assert rollback(now(two).registry, two.approver) == (2, 1)
        running.server.slot.refresh()
        assert running.http.get("/health/ready").json()["version"] == 1
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert alias(two) == 2, "the alias could not be moved then"
    promote(two, 1)
    assert alias(two) == 1, "the next promotion puts it right"


def test_the_ledger_and_the_page_say_who_decided(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPROVER", "Ada Lovelace")
    promote(two, override="a rehearsal")
    monkeypatch.setenv("APPROVER", "Charles Babbage")
    rollback(two.registry, two.approver)
    with Ledger(two.project.ledger_url) as ledger:
        back, overruled = ledger.decisions(last=2)
    assert (overruled.who, back.who) == ("Ada Lovelace", "Charles Babbage")
    assert "a rehearsal" in overruled.reason
    page = (two.project.reports / "gate-version-2.html").read_text(encoding="utf-8")
    assert "Ada Lovelace" in page


def test_each_rollback_goes_one_champion_further_until_there_is_none(two: Any) -> None:
    promote(two, override="a rehearsal")
    with Ledger(two.project.ledger_url) as ledger:
        second = champions.serving(ledger)
        third = registry.Version(3, second.run_id, second.sha256)
        move(two.registry, ledger, "promotion", third, second, Verdict("promote", "planted"))
        assert champions.former(ledger, third) == second
        move(two.registry, ledger, "rollback", second, third, Verdict("rollback", "planted"))
    assert rollback(two.registry, two.approver) == (2, 1)
    with pytest.raises(CheckFailed, match="no former champion"):
        rollback(two.registry, two.approver)


def test_a_new_registry_that_counts_from_one_again_has_a_former_champion(two: Any) -> None:
    with Ledger(two.project.ledger_url) as ledger:
        first = champions.serving(ledger)
        again = registry.Version(1, "another", "another")
        move(two.registry, ledger, "promotion", again, first, Verdict("promote", "planted"))
        assert champions.former(ledger, again) == first


def test_of_eight_promotions_against_one_champion_exactly_one_wins(ledger_url: str) -> None:
    nowhere = own(Path("/nowhere")).registry

    def race(number: int) -> str:
        with Ledger(ledger_url) as ledger:
            try:
                version = registry.Version(number, f"run{number}")
                move(nowhere, ledger, "promotion", version, None, Verdict("promote", "better"))
            except CheckFailed as error:
                return str(error)
            return "won"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(race, range(1, 9)))
    assert said.count("won") == 1
    assert {s for s in said if s != "won"} == {
        "the champion changed meanwhile: nothing was moved, run it again"
    }
    with Ledger(ledger_url) as ledger:
        assert [v.number for v in champions.history(ledger)] == [said.index("won") + 1]


# Where a promotion is killed: before and after each thing that it changes.
STEPS = [
    ("release.registry.Registry", "fetch", 1),
    ("ledger.database.Ledger", "decide", 1),
    ("ledger.database.Ledger", "decide", 2),
    ("release.promotion", "mirror", 1),
    ("release.registry.Registry", "point", 1),
    ("release.registry.Registry", "point", 2),
]
KILLED = """
import os, pkgutil
from pathlib import Path
from PACKAGE.lifecycle import ask_gate
from PACKAGE.settings import Settings
place, name, when = STEP
owner = pkgutil.resolve_name(f"ml_lifecycle.{place}")
real = getattr(owner, name)
def dies(*args, **more):
    if when == 2:
        real(*args, **more)
    os._exit(9)
setattr(owner, name, dies)
settings = Settings.model_validate_json(Path("settings.json").read_text(), strict=False)
ask_gate(settings, 2, override="a rehearsal")
"""


@pytest.mark.parametrize(
    "step", STEPS, ids=lambda s: f"{s[1]}-{'before' if s[2] == 1 else 'after'}"
)
def test_a_promotion_killed_anywhere_leaves_the_old_or_the_new_champion(
    two: Any, step: tuple[str, str, int]
) -> None:
    package = promote.__module__.partition(".")[0]
    script = textwrap.dedent(KILLED).replace("PACKAGE", package).replace("STEP", repr(step))
    (two.project.root / "settings.json").write_text(two.model_dump_json())
    done = subprocess.run([sys.executable, "-c", script], cwd=two.project.root, check=False)
    assert done.returncode == 9, "it was not killed at all"
    assert serves(two) == (2 if step[1] in ("mirror", "point") else 1)
    assert promote(two, 2, override="a rehearsal").verdict == "promote"
    assert serves(two) == 2
    assert alias(two) == 2
    assert rollback(two.registry, two.approver) == (2, 1)


def test_what_serves_is_not_for_the_registry_to_say(two: Any) -> None:
    two.registry.point(two.registry.get(2))
    assert serves(two) == 1
    assert promote(two, 1).reason == "version 1 serves already"
    assert alias(two) == 1, "the alias was put right"


def test_a_champion_deleted_from_the_registry_is_noticed_and_goes_on_serving(
    two: Any, serving: Any
) -> None:
    two.registry.client().delete_model_version(two.project.name, "1")
    with pytest.raises(CheckFailed, match="does not have version 1, the champion: was it deleted"):
        promote(two, 2)
    with serving(two) as running:
        assert running.http.get("/health/ready").json()["version"] == 1
    assert promote(two, 2, override="it was deleted on purpose").verdict == "promote"


def test_no_champion_no_registry_and_the_wrong_registry_are_three_things(
    two: Any, champion: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = project()
    with pytest.raises(WrongUse, match="no champion yet"):
        champions.champion_release(other.registry)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    with pytest.raises(WorldBroken, match="does not answer"):
        promote(now(two), 2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other.project.root / 'mlflow.db'}")
    with pytest.raises(CheckFailed, match="is MLFLOW_TRACKING_URI that of another project"):
        promote(now(two))
    assert serves(two) == 1


def test_an_emptied_ledger_is_not_taken_for_a_first_promotion(two: Any) -> None:
    for path in two.project.root.glob("ledger.db*"):
        path.unlink()
    asks = (partial(champions.champion_release, two.registry), partial(promote, two))
    for ask in asks:
        with pytest.raises(CheckFailed, match="the ledger knows of no promotion"):
            ask()
    assert promote(two, 1, override="the ledger was lost").verdict == "promote"
    assert serves(two) == 1


def test_the_anchor_is_the_first_champion_until_another_is_frozen(two: Any) -> None:
    with Ledger(two.project.ledger_url) as ledger:
        assert champions.anchor(ledger).number == 1
        promote(two, override="a rehearsal")
        assert champions.anchor(ledger).number == 1
        promote(two, 2, override="it is the measure now", freeze=True)
        assert champions.anchor(ledger).number == 2
    assert rollback(two.registry, two.approver) == (2, 1)
