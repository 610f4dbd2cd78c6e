"""When a challenger that meets traffic is sent back: errors, latency, outcomes beyond its budget.

In: what it has cost so far. Out: which budget breaks, in words; "" if none.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from ..evaluation.scored import served_losses
from ..ledger.database import Ledger
from ..release.bundle import Release
from .rollout import Rollout
from .settings import RolloutSettings

LATEST = 20_000  # outcomes looked at
FEWEST = 5  # times that are a median


def guardrail_violation(
    failed: int,
    asked: int,
    seconds: Sequence[float],
    allowed: RolloutSettings,
    max_latency_ms: float,
) -> str:
    """Say which budget errors or latency break, "" if none. seconds: of one row, the latest.

    Errors: the chance of so many failures is below `alpha` if their share is the one allowed
    (binomial test). It is asked at every look, so `alpha` is small.
    """
    if failed and binom.sf(failed - 1, asked, allowed.max_error_rate) < allowed.alpha:
        return f"it failed on {failed} of {asked} requests; {allowed.max_error_rate:.1%} may fail"
    took = 1000 * float(np.median(seconds)) if len(seconds) >= FEWEST else 0.0
    if took > max_latency_ms:
        return f"one row takes {took:.0f} ms; the budget is {max_latency_ms:.0f} ms"
    return ""


def loss_guardrail(
    ledger: Ledger, rollout: Rollout, champion: Release, allowed: RolloutSettings
) -> str:
    """Say if the challenger's outcomes break the budget, "" if not.

    Both models saw the same rows. The mean difference of their losses is watched with an asymptotic
    confidence sequence, valid at every look (Waudby-Smith et al., 2024, theorem 2.2, rho = 0.1);
    only nearly so once the latest rows are a part of all.
    """
    both = ledger.compared(rollout.version.number, rollout.since, LATEST)
    ours, theirs = (served_losses(champion.classes, rows) for rows in both)
    rise = (ours - theirs)[np.isfinite(ours - theirs)]
    if (count := len(rise)) < allowed.min_rows:
        return ""
    level, variance = np.sqrt(count * 0.01 + 1) / (2 * allowed.alpha), rise.var()
    reach = np.sqrt(2 * (count * 0.01 + 1) / (count**2 * 0.01) * np.log(level) * variance)
    before = float(np.nanmean(theirs))
    if rise.mean() - reach <= allowed.max_loss_increase * before:
        return ""
    return (
        f"its loss on {count:,} rows with outcomes is {before + rise.mean():.4f}, surely more than "
        f"{allowed.max_loss_increase:.0%} above the champion's {before:.4f}"
    )
