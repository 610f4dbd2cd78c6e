"""Asked again and again, on new rows each time: how sure a check must be to say something.

In: what each question found in this look, and what earlier looks left. Out: whether it is an alarm.
However often it is asked, no more than the share of `false_alarm_rate` of the years see a false
one: most of the budget is for the first look, some for all later ones (alpha spending), and some
for evidence that comes together over looks (an e-detector).
"""

from collections.abc import Iterable, Mapping, Sequence
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
    "harm": {"rise": 0.1, "gap": 0.05, "residuals": 0.03, "estimate": 0.02},
}
SHARES = {name: share for about in QUESTIONS.values() for name, share in about.items()}
FIRST, LATER, SUMMED = 0.8, 0.1, 0.1
YEAR = 365  # looks, of which no more than SUMMED of a budget end in a false alarm
BETS = np.array([1.0, 2.0, 4.0])  # standard errors that a look may be off once something changed

HUGE = 600.0  # of an exponent: far beyond any alarm


class Answer(NamedTuple):
    """What a question found. p_value: the chance of it without drift.

    far: whether it is large enough to have a name; shared: of the variance of what was found, the
    part that is the reference's own chance, and therefore the same at each look.
    """

    p_value: float
    far: bool = True
    shared: float = 0.0


@dataclass(frozen=True)
class Seen:
    """What earlier looks leave of one question.

    looks: how many asked it; off, doubt: mean and variance of what is known of the reference's own
    chance, in its standard deviations; sums: of the evidence, one for each bet.
    """

    looks: int = 0
    off: float = 0.0
    doubt: float = 1.0
    sums: Sequence[float] = (0.0,) * len(BETS)

    def after(self, answer: Answer, most: float) -> "Seen":
        """Return the same with one more look; no sum grows beyond `most`.

        A p-value is a normal z. What the reference is off by is learnt from look to look (Kalman's
        filter, 1960), so that z less what was to be expected is independent from look to look, and
        (1 + the sum before) exp(bet z - bet²/2) are Shiryaev's and Roberts' sums.
        """
        share = answer.shared
        z = float(-ndtri(np.clip(np.nan_to_num(answer.p_value, nan=1.0), 1e-300, 0.999)))
        wide, part = share * self.doubt + 1 - share, np.sqrt(share)
        z = z if answer.far else min(z, 0.0)
        # Never below 0: many questions are asked with care, and their z is below 0 as a rule.
        news = (z - part * max(self.off, 0.0)) / np.sqrt(wide)
        gain = part * self.doubt / wide
        off, doubt = self.off + gain * (z - part * self.off), self.doubt * (1 - gain * part)
        grown = np.exp(np.minimum(BETS * news - BETS**2 / 2, HUGE))
        sums = (1 + np.array(self.sums)) * grown
        return Seen(self.looks + 1, float(off), float(doubt), np.minimum(sums, most).tolist())


@dataclass(frozen=True)
class Looks:
    """What is remembered from check to check of one version; `ledger.decide` keeps it.

    number: of looks so far; until: when the last row of them was served (ISO 8601, UTC); labelled:
    when the last outcome of them came; seen: by question.
    """

    number: int = 0
    until: str = ""
    labelled: str = ""
    seen: Mapping[str, Seen] = field(default_factory=dict)

    @property
    def moments(self) -> tuple[datetime, datetime] | None:
        """After which predictions and outcomes are new; None before the first look."""
        start = datetime.min.replace(tzinfo=UTC).isoformat()
        if not self.number:
            return None
        until, labelled = (m or start for m in (self.until, self.labelled))
        return datetime.fromisoformat(until), datetime.fromisoformat(labelled)

    def levels(self, rate: float) -> dict[str, float]:
        """Return by question how small a p-value must be at its next look; rate: of the alarms."""
        numbers = {name: self.seen.get(name, NOTHING).looks + 1 for name in SHARES}
        parts = {n: FIRST if k == 1 else LATER / (k * (k - 1)) for n, k in numbers.items()}
        return {name: parts[name] * share * rate for name, share in SHARES.items()}

    def after(self, answers: Mapping[str, Answer], rate: float) -> dict[str, Seen]:
        """Return what is seen when this look is added; evidence stays below ten alarms."""
        most = {name: 10 * bound(rate) / share for name, share in SHARES.items()}
        added = {n: self.seen.get(n, NOTHING).after(one, most[n]) for n, one in answers.items()}
        return {**self.seen, **added}

    def alarms(self, answers: Mapping[str, Answer], rate: float) -> dict[str, bool]:
        """Return by kind of those that could be asked whether the next look is an alarm.

        By itself, or by all looks together if this one adds to it.
        """
        levels, after = self.levels(rate), self.after(answers, rate)
        found = {}
        for kind, about in QUESTIONS.items():
            asked = {name: answers[name] for name in about if name in answers}
            if asked:
                before, now = (_weighed(seen, asked) for seen in (self.seen, after))
                sure = any(one.far and one.p_value < levels[name] for name, one in asked.items())
                found[kind] = sure or now >= max(bound(rate), before)
        return found


NOTHING = Seen()


def _weighed(seen: Mapping[str, Seen], asked: Iterable[str]) -> float:
    return sum(SHARES[name] * float(np.mean(seen.get(name, NOTHING).sums)) for name in asked)


def bound(rate: float) -> float:
    """Return the evidence, weighted by SHARES, that is an alarm: passed in few years.

    Where nothing changed a sum grows by one a look at most, so by Doob's inequality it passes c
    within n looks with a chance of n / c (Shin, Ramdas and Rinaldo, 2022); and so does a mean.
    """
    return YEAR / (SUMMED * rate)


def remembered(ledger: Ledger, version: int) -> Looks:
    """Return what the checks of a version have left so far."""
    for decision in ledger.decisions("drift", version=version):
        if known := decision.details.get("looks"):
            seen = {name: Seen(**one) for name, one in known.get("seen", {}).items()}
            return Looks(known["number"], known["until"], known["labelled"], seen)
    return Looks()
