"""Asked again and again, on new rows each time: how sure a check must be to say something.

In: what each question found in this look, and what earlier looks left. Out: whether it is an alarm.
However often it is asked, no more than the share of `false_alarm_rate` of the years see a false
one: most of the budget is for the first look, some for all later ones (alpha spending), and some
for evidence that comes together over looks (an e-detector).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from ..ledger.database import Ledger

# Of the budget, what each question gets, by what it is about: what may have moved, what may be
# broken, and what may have become worse.
QUESTIONS = {
    "moved": {"columns": 0.42, "pairs": 0.1, "shift": 0.22},
    "fault": {"pipe": 0.06},
    "harm": {"rise": 0.1, "gap": 0.05, "alone": 0.03, "estimate": 0.02},
}
SHARES = {name: share for about in QUESTIONS.values() for name, share in about.items()}
FIRST, LATER, SUMMED = 0.8, 0.1, 0.1
YEAR = 365  # looks, of which no more than SUMMED of a budget end in a false alarm
BETS = np.array([1.0, 2.0, 4.0])  # standard errors that a look may be off once something changed
ONCE = 2.33  # standard errors that the reference itself may be off, for all looks alike: 1 %


class Answer(NamedTuple):
    """What a question found. p_value: the chance of it without drift.

    far: whether it is large enough to have a name; usual: standard errors that a look may be off
    again and again though nothing changed.
    """

    p_value: float
    far: bool = True
    usual: float = 0.0


def shared(rows: int, reference: int) -> float:
    """Return the `usual` of a window of so many rows: the reference's own chance is always there.

    Of the variance of a difference the reference's part is the same at each look, and no number of
    looks makes it smaller.
    """
    return ONCE * float(np.sqrt(rows / (rows + reference)))


@dataclass(frozen=True)
class Looks:
    """What is remembered from check to check of one version; `ledger.decide` keeps it.

    number: of looks so far; until: when the last row of them was served (ISO 8601, UTC); labelled:
    when the last outcome of them came; evidence: by question a sum for each bet, see `after`.
    """

    number: int = 0
    until: str = ""
    labelled: str = ""
    evidence: Mapping[str, list[float]] = field(default_factory=dict)

    @property
    def moments(self) -> tuple[datetime, datetime] | None:
        """After which predictions and outcomes are new; None before the first look."""
        start = datetime.min.replace(tzinfo=UTC).isoformat()
        if not self.number:
            return None
        until, labelled = (m or start for m in (self.until, self.labelled))
        return datetime.fromisoformat(until), datetime.fromisoformat(labelled)

    def levels(self, rate: float) -> dict[str, float]:
        """Return by question how small a p-value must be at the next look; rate: of the alarms."""
        number = self.number + 1
        part = FIRST if number == 1 else LATER / (number * (number - 1))
        return {name: part * share * rate for name, share in SHARES.items()}

    def after(self, answers: Mapping[str, Answer], rate: float) -> dict[str, list[float]]:
        """Return the evidence when this look is added: Shiryaev's and Roberts' sums of bets.

        A p-value is a normal z, and (1 + the sum before) exp(bet z - bet²/2) the sum of a bet. What
        is `usual` does not let it grow. Its share stays below ten times what is an alarm.
        """
        added = {}
        for name, answer in answers.items():
            before = np.array(self.evidence.get(name, np.zeros(len(BETS))), dtype="float64")
            before, p_value = np.nan_to_num(before), np.nan_to_num(answer.p_value, nan=1.0)
            z = -ndtri(np.clip(p_value, 1e-300, 0.999))
            z = z - np.maximum(0, answer.usual - BETS / 2)
            grown = (1 + before) * np.exp(BETS * z - BETS**2 / 2)
            added[name] = np.minimum(grown, 10 * bound(rate) / SHARES[name]).tolist()
        return {**self.evidence, **added}

    def alarms(self, answers: Mapping[str, Answer], rate: float) -> dict[str, bool]:
        """Return by kind of those that could be asked whether the next look is an alarm.

        By itself, or by all looks together if this one adds to it.
        """
        levels, after = self.levels(rate), self.after(answers, rate)
        found = {}
        for kind, about in QUESTIONS.items():
            asked = {name: answers[name] for name in about if name in answers}
            if asked:
                before, now = (_weighed(sums, asked) for sums in (self.evidence, after))
                sure = any(one.far and one.p_value < levels[name] for name, one in asked.items())
                found[kind] = sure or now >= max(bound(rate), before)
        return found


def _weighed(evidence: Mapping[str, list[float]], asked: Iterable[str]) -> float:
    return sum(SHARES[name] * float(np.mean(evidence.get(name, 0.0))) for name in asked)


def bound(rate: float) -> float:
    """Return the evidence, weighted by SHARES, that is an alarm: passed in few years.

    Where nothing changed a sum grows by one a look at most, so by Doob's inequality it passes c
    within n looks with a chance of n / c (Shin, Ramdas and Rinaldo, 2022); and so does a mean.
    """
    return YEAR / (SUMMED * rate)


def remembered(ledger: Ledger, version: int) -> Looks:
    """Return what the checks of a version have left so far."""
    for decision in ledger.decisions("drift", version=version):
        if "looks" in decision.details:
            return Looks(**decision.details["looks"])
    return Looks()
