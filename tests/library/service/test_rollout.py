"""A rollout begins beside the champion that it was meant for, and ends with it or by hand."""

from typing import Any

import numpy as np
import pytest
from ml_lifecycle.errors import CheckFailed, WrongUse
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release.registry import Registry
from ml_lifecycle.service import rollout
from ml_lifecycle.service.rollout import chosen
from project.lifecycle import ask_gate as promote
from project.settings import Settings


def begin(settings: Settings, number: int | None, share: float, mode: rollout.Mode) -> None:
    """Let a version meet traffic beside the champion."""
    rollout.start(settings.registry, number, share, mode, settings.approver)


@pytest.mark.parametrize("share", [0.01, 0.2, 1.0])
def test_the_share_is_the_stated_one(share: float) -> None:
    found = np.mean([chosen(f"request {number}", share) for number in range(20_000)])
    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000) + 1e-9)


def test_a_change_of_champion_or_a_hand_ends_a_rollout(two: Any) -> None:
    begin(two, 2, 0.5, "canary")
    assert rollout.stop(two.registry, two.approver).version.number == 2
    with pytest.raises(WrongUse, match="no rollout is on"):
        rollout.stop(two.registry, two.approver)
    begin(two, 2, 0.5, "canary")
    promote(two, 2, override="a rehearsal")
    with Ledger(two.project.ledger_url) as ledger:
        assert rollout.active(ledger) is None


def test_a_trial_is_not_begun_beside_another_champion(
    two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, promoted = Registry.fetch, []

    def fetch(self: Registry, version: Any, **more: Any) -> Any:
        if not promoted:
            promoted.append(True)
            promote(two, 2, override="in between")
        return real(self, version, **more)

    monkeypatch.setattr(Registry, "fetch", fetch)
    with pytest.raises(CheckFailed, match="the champion changed: no rollout was begun"):
        begin(two, 2, 0.5, "canary")


@pytest.mark.parametrize(
    ("number", "said"), [(1, "is the champion"), (7, "version 7 is not registered")]
)
def test_what_cannot_be_tried_is_said(two_versions: Any, number: int, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        begin(two_versions, number, 0.5, "canary")
