"""Does it hurt? The loss on rows whose outcome is known, against the loss at release.

In: served rows with outcomes. Out: a `LossComparison` with its one-sided test.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..evaluation.scored import served_losses
from ..release.bundle import Release
from .settings import SHARE, DriftSettings


@dataclass(frozen=True)
class LossComparison:
    """Mean loss at release and now (Brier's or squared error); worse: beyond chance.

    now: None where the outcomes are too few to tell.
    """

    rows: int
    before: float
    now: float | None = None
    p_value: float = 1.0
    worse: bool = False


def realized_loss(release: Release, served: pd.DataFrame, drift: DriftSettings) -> LossComparison:
    """Compare the loss of `served` rows that have an outcome with the reference's.

    A one-sided z-test of two means with their own variances (Welch, 1947). Outcomes that are no
    known class, or no number, are left out.
    """
    before = release.reference.loss
    known = served[served["outcome"].notna()]
    loss = served_losses(release.classes, known)
    loss = loss[np.isfinite(loss)]
    if len(loss) < drift.min_rows:
        return LossComparison(len(loss), before.mean)
    error = np.sqrt(loss.var(ddof=1) / len(loss) + before.variance / before.rows)
    rise = loss.mean() - before.mean
    p_value = float(stats.norm.sf(rise / error)) if error > 0 else 1.0
    level = (1 - SHARE) * drift.false_alarm_rate
    worse = p_value < level and rise > drift.max_loss_increase * before.mean
    return LossComparison(len(loss), before.mean, float(loss.mean()), p_value, bool(worse))
