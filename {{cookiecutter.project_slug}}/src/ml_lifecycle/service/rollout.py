"""Shadow and canary: a challenger meets real traffic before it may serve, and goes back by itself.

In: a version and a share of the requests. Out: a row in the ledger, which every replica of the
service follows. A shadow is asked and not heard; a canary answers its share.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy.engine import Connection

from ..errors import CheckFailed, WrongUse
from ..ledger.database import Ledger
from ..release.bundle import Release
from ..release.champion import MOVES, champion, serving
from ..release.registry import Registry, Version

KIND = "rollout"
VERDICTS = ("shadow", "canary", "ended")
Mode = Literal["shadow", "canary"]
SERVICE = "the service"  # who ends a rollout whose budget is broken


@dataclass(frozen=True)
class Rollout:
    """A challenger beside the champion: a canary answers, a shadow does not; since: UTC."""

    version: Version
    share: float
    mode: Mode
    since: datetime


def active(ledger: Ledger, connection: Connection | None = None) -> Rollout | None:
    """Return the rollout that is on, None without one. Whatever changes the champion ends it."""
    last = next(iter(ledger.decisions(None, (*MOVES, *VERDICTS), 1, connection)), None)
    if last is None or last.version is None or last.verdict not in ("shadow", "canary"):
        return None
    version = Version(last.version, last.run_id or "", last.sha256 or "")
    mode: Mode = "canary" if last.verdict == "canary" else "shadow"
    return Rollout(version, last.details["share"], mode, last.created_at)


def chosen(request_id: str, share: float) -> bool:
    """Say if a request is in the share, by a hash of its id: every replica says the same."""
    return int.from_bytes(sha256(request_id.encode()).digest()[:8]) < share * 2**64


def start(registry: Registry, number: int | None, share: float, mode: Mode, who: str) -> Rollout:
    """Let a version (default: the latest) meet traffic beside the champion.

    Raises:
        CheckFailed: the release is not right.
        WrongUse: it is the champion, or asks for columns that the champion's callers do not send.

    """
    verb = "answers" if mode == "canary" else "is asked, and not heard, on"
    with Ledger(registry.project.ledger_url) as ledger:
        current = champion(registry, ledger)
        version = registry.wanted(number)
        if version == current:
            raise WrongUse(f"version {version.number} is the champion: train another")
        release = registry.fetch(version)
        _check_alike(release, registry.fetch(current))
        with ledger.exclusive() as connection:
            if serving(ledger, connection) != current:
                raise CheckFailed("the champion changed: no rollout was begun, run it again")
            ledger.decide(
                KIND,
                mode,
                f"version {version.number} {verb} {share:.1%} of the requests",
                version.number,
                current.number,
                {"share": share},
                connection,
                version.run_id,
                release.sha256,
                who,
            )
            found = active(ledger, connection)
    assert found is not None
    return found


def _check_alike(challenger: Release, champion: Release) -> None:
    sent = {c.name for c in champion.contract.columns if c.role not in ("target", "ignored", "id")}
    if absent := sorted(set(challenger.contract.features) - sent):
        raise WrongUse(f"callers of the champion do not send {', '.join(absent)}")
    if challenger.classes != champion.classes:
        raise WrongUse("the two versions do not predict the same classes")


def end(ledger: Ledger, rollout: Rollout, reason: str, who: str = SERVICE) -> None:
    """Record the end of a rollout, unless it has ended already."""
    with ledger.exclusive() as connection:
        if active(ledger, connection) == rollout:
            number = rollout.version.number
            ledger.decide(KIND, "ended", reason, number, connection=connection, who=who)


def stop(registry: Registry, who: str) -> Rollout:
    """End the rollout that is on; raise `WrongUse` if there is none."""
    with Ledger(registry.project.ledger_url) as ledger:
        found = active(ledger)
        if found is None:
            raise WrongUse("no rollout is on")
        end(ledger, found, "stopped by hand", who)
    return found
