"""What a verdict triggers: people are told, and a training is asked for, but not too often.

In: the last check, as the ledger has it, and [drift]. Out: an alert; whether to retrain, and on
which rows. What came through a pipe that a check judged broken is left out until it is mended.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ml_lifecycle import CheckFailed, counted

if TYPE_CHECKING:
    from ml_lifecycle.ledger import Decision, Ledger
    from ml_lifecycle.monitoring import Stretch

    from .monitoring import DriftCheck
    from .settings import Settings


def tell(settings: "Settings", ledger: "Ledger", found: "DriftCheck", version: int) -> bool:
    """Send a verdict that is news to the webhooks, if it is to be; return whether it was sent."""
    from ml_lifecycle.monitoring import alert

    drift, evidence = settings.drift, found.evidence
    if not drift.webhooks:
        return False
    wanted = "alert" in getattr(drift.then, found.verdict, ())
    about = {"project": settings.project.name, "version": version, "verdict": found.verdict}
    causes = [one.column for one in evidence.columns if one.fault]
    about |= {"reason": found.reason, "causes": causes + ["the service"] * bool(evidence.skew)}
    return alert(ledger, drift.webhooks, about, settings.approver, wanted)


def why_not(settings: "Settings", ledger: "Ledger", version: int) -> str:
    """Return why no training is to begin by itself now; empty if one is.

    Raises:
        CheckFailed: the gate turned so many away that a person has to look.

    """
    checks = [one for one in ledger.decisions("drift", version=version) if "looks" in one.details]
    check = next(filter(_tells, checks), None)
    if checks and checks[0].verdict == "fault":
        check = checks[0]
    if check is None:
        return "no check could tell whether it hurts"
    if "retrain" not in getattr(settings.drift.then, check.verdict, ()):
        return f"the last check that could tell says {check.verdict}"
    tried = ledger.decisions("retrain")
    if tried and check.id < tried[0].id:
        return "the last check was acted on already"
    pause = timedelta(days=settings.drift.cool_down_days)
    if tried and datetime.now(UTC) - tried[0].created_at < pause:
        over = tried[0].created_at + pause
        return (
            f"the last training was on {tried[0].created_at:%Y-%m-%d}: not before {over:%Y-%m-%d}"
        )
    failed = _in_a_row(ledger, tried)
    if failed >= settings.drift.attempts:
        raise CheckFailed(
            f"{counted(failed, 'training')} in a row did not get past the gate: look at its pages "
            "in reports/, then run `retrain` yourself"
        )
    return ""


def _tells(check: "Decision") -> bool:
    """Tell whether a check says if the model became worse."""
    known = (check.details.get("loss") or {}).get("now") is not None
    return check.verdict == "retrain" or (known and check.verdict != "fault")


def _in_a_row(ledger: "Ledger", tried: list["Decision"]) -> int:
    """Return how many trainings the gate turned away since something came to serve."""
    served = ledger.decisions("promotion", ["promote"], last=1)
    since = served[0].id if served else 0
    return sum(one.id > since and one.details.get("gate") != "promote" for one in tried)


def broken(ledger: "Ledger") -> "list[Stretch]":
    """Return the stretches of time that a check judged `fault`, and nobody said to be mended."""
    mended = ledger.decisions("mended", last=1)
    since = mended[0].id if mended else 0
    return [
        (datetime.fromisoformat(one.details["from"]), datetime.fromisoformat(one.details["to"]))
        for one in ledger.decisions("drift", ["fault"])
        if one.id > since and one.details.get("from")
    ]
