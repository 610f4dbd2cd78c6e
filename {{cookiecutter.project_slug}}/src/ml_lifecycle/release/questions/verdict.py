"""The answer to one question of the gate, and the verdict that all of them make.

In: `GateCheck`s. Out: a `Verdict`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from ...evaluation.compare import PairedDifference
from ..evidence import Case

QUESTION = "question"
SEVERITY = ("promote", "hold", "reject")


@dataclass(frozen=True)
class GateCheck:
    """One question the gate asked. verdict: what the answer alone would lead to."""

    name: str
    verdict: str
    message: str
    gain: PairedDifference | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the gate says: promote, hold or reject, in a sentence and in numbers.

    details: JSON values for the ledger; who: asked it, and overruled it where the reason says so.
    """

    verdict: str
    reason: str
    details: dict[str, Any] = field(default_factory=dict)
    version: int | None = None
    who: str = ""

    @property
    def question(self) -> str:
        """What was asked, a change or a refresh, and why; "" where nothing was."""
        asked = (c["message"] for c in self.details.get("checks", []) if c["name"] == QUESTION)
        return next(asked, "")


def verdict_of(case: Case, checks: Sequence[GateCheck], decisive: str) -> Verdict:
    """Return the verdict of the most severe check, in its words; of `decisive` if all promote."""
    worst = max(checks, key=lambda check: SEVERITY.index(check.verdict))
    if worst.verdict == "promote":
        worst = next(check for check in checks if check.name == decisive)
    details = {"where": case.where, "rows": len(case.frame), "looks": case.look}
    # A question that could not be asked is no answer: it is said beside whatever was decided.
    unknown = case.challenger.evaluation.unassessed
    reason = f"{worst.message}. Not assessed: {'; '.join(unknown)}" if unknown else worst.message
    return Verdict(worst.verdict, reason, details | {"checks": [_plain(c) for c in checks]})


def _plain(check: GateCheck) -> dict[str, Any]:
    """Return a check as JSON values; what is not a number is none."""
    content = asdict(check)
    if check.gain is not None:
        gained = content["gain"].items()
        content["gain"] = {name: value if isfinite(value) else None for name, value in gained}
    return content
