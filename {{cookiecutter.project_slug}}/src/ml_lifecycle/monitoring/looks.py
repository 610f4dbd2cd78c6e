"""Asked again and again, on new rows each time: how sure a check must be to say something.

In: the chance of what was seen if nothing changed, for this look, and what earlier looks left. Out:
whether it is an alarm. However often it is asked, no more than the share of `false_alarm_rate` of
the years see a false one: most of the budget is for the first look, some for all later ones (alpha
spending), and some for evidence that comes together over looks (an e-detector).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import log

from ..ledger.database import Ledger

# Of the budget: what may have moved, what may be broken, and what may have become worse.
SHARES = {"moved": 0.74, "fault": 0.06, "harm": 0.2}
FIRST, LATER, SUMMED = 0.8, 0.1, 0.1
YEAR = 365  # looks, of which no more than SUMMED of a budget end in a false alarm
AGREES = 0.1  # p-value of a look that does not speak against what earlier ones said


@dataclass(frozen=True)
class Looks:
    """What is remembered from check to check of one version; `ledger.decide` keeps it.

    number: of looks so far; until: when the last row of them was served (ISO 8601, UTC); labelled:
    when the last outcome of them came; evidence: by kind, see `summed`.
    """

    number: int = 0
    until: str = ""
    labelled: str = ""
    evidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def moments(self) -> tuple[datetime, datetime] | None:
        """After which predictions and outcomes are new; None before the first look."""
        start = datetime.min.replace(tzinfo=UTC).isoformat()
        if not self.number:
            return None
        until, labelled = (m or start for m in (self.until, self.labelled))
        return datetime.fromisoformat(until), datetime.fromisoformat(labelled)

    def levels(self, rate: float) -> dict[str, float]:
        """Return by kind how small a p-value must be at the next look; rate: of false alarms."""
        number = self.number + 1
        part = FIRST if number == 1 else LATER / (number * (number - 1))
        return {kind: part * share * rate for kind, share in SHARES.items()}

    def after(self, p_values: Mapping[str, float], rate: float) -> dict[str, float]:
        """Return the evidence by kind when this look is added to the earlier ones."""
        added = {
            kind: summed(self.evidence.get(kind, 0.0), p_value, bound(kind, rate))
            for kind, p_value in p_values.items()
        }
        return {**self.evidence, **added}


def bound(kind: str, rate: float) -> float:
    """Return the evidence that is an alarm: passed in a year with a chance of SUMMED of the budget.

    The sum of a Shiryaev-Roberts detector grows by one a look where nothing changed, so by Doob's
    inequality it passes c within n looks with a chance of n / c at most (Shin, Ramdas and Rinaldo,
    2022).
    """
    return YEAR / (SUMMED * SHARES[kind] * rate)


def alarming(p_value: float, level: float, evidence: float, most: float) -> bool:
    """Tell whether a look is an alarm: by itself, or by all looks if this one points there too."""
    return p_value < level or (evidence >= most and p_value < AGREES)


def summed(before: float, p_value: float, most: float) -> float:
    """Return the evidence with one more look.

    A p-value p becomes the e-value (1 - p + p ln p) / (p ln² p), the mean of all κ p^(κ-1) (Vovk
    and Wang, 2021), and (1 + before) times that is the detector's sum. It stays below ten times
    `most`, so that a few quiet looks end an alarm.
    """
    p = min(max(p_value, 1e-300), 0.999)
    return min((1 + before) * (1 - p + p * log(p)) / (p * log(p) ** 2), 10 * most)


def remembered(ledger: Ledger, version: int) -> Looks:
    """Return what the checks of a version have left so far."""
    for decision in ledger.decisions("drift", version=version):
        if "looks" in decision.details:
            return Looks(**decision.details["looks"])
    return Looks()
