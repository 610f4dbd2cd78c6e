"""What a verdict triggers: people are told, and a training is asked for, but not too often.

In: the last check, as the ledger has it, and [drift]. Out: an alert; whether to retrain, and on
which rows. What came through a pipe that a check judged broken is left out until it is mended.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ml_lifecycle import CheckFailed, counted

if TYPE_CHECKING:
    from ml_lifecycle.ledger import Decision, Ledger

    from .monitoring import DriftCheck
    from .settings import Settings

Stretch = tuple[datetime, datetime]


def tell(settings: "Settings", ledger: "Ledger", found: "DriftCheck", version: int) -> bool:
    """Send a verdict that is news to the webhooks, if it is to be; return whether it was sent."""
    from ml_lifecycle.monitoring import alert

    drift, project = settings.drift, settings.project
    # That all is well again is told to whoever heard that it was not.
    wanted = found.verdict == "quiet" or "alert" in getattr(drift.then, found.verdict, ())
    if not (wanted and drift.webhooks):
        return False
    about = {"version": version, "verdict": found.verdict, "reason": found.reason}
    return alert(ledger, drift.webhooks, {"project": project.name} | about, settings.approver)


def why_not(settings: "Settings", ledger: "Ledger", version: int) -> str:
    """Return why no training is to begin by itself now; empty if one is.

    Raises:
        CheckFailed: the gate turned so many away that a person has to look.

    """
    check = next(iter(ledger.decisions("drift", last=1, version=version)), None)
    if check is None or "retrain" not in getattr(settings.drift.then, check.verdict, ()):
        return f"the last check says {check.verdict}" if check else "nothing was checked yet"
    tried = ledger.decisions("retrain")
    if tried and check.id < tried[0].id:
        return "the last check was acted on already"
    pause = timedelta(days=settings.drift.cool_down_days)
    if tried and datetime.now(UTC) - tried[0].created_at < pause:
        over = tried[0].created_at + pause
        return (
            f"the last training was on {tried[0].created_at:%Y-%m-%d}: not before {over:%Y-%m-%d}"
        )
    failed = _in_a_row(tried)
    if failed >= settings.drift.attempts:
        raise CheckFailed(
            f"{counted(failed, 'training')} in a row did not get past the gate: look at its pages "
            "in reports/, then run `retrain` yourself"
        )
    return ""


def _in_a_row(tried: list["Decision"]) -> int:
    """Return how many of the latest trainings the gate turned away."""
    verdicts = [one.details.get("gate") for one in tried]
    return verdicts.index("promote") if "promote" in verdicts else len(verdicts)


def broken(ledger: "Ledger") -> list[Stretch]:
    """Return the stretches of time that a check judged `fault`, and nobody said to be mended."""
    mended = ledger.decisions("mended", last=1)
    since = mended[0].id if mended else 0
    return [
        (datetime.fromisoformat(one.details["from"]), datetime.fromisoformat(one.details["to"]))
        for one in ledger.decisions("drift", ["fault"])
        if one.id > since and one.details.get("from")
    ]
