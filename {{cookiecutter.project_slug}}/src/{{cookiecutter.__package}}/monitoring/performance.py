"""Does it hurt? The loss on rows whose outcome is known, against the loss at release.

In: served rows with outcomes. Out: a `Loss` with its one-sided test.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..data.contract import Contract
from ..evaluation.scores import losses
from ..release.bundle import Release
from ..settings import Drift
from .drift import SHARE


@dataclass(frozen=True)
class Loss:
    """Mean loss now and at release (Brier's or squared error); worse: beyond chance."""

    rows: int
    before: float
    now: float
    p_value: float
    worse: bool


def realised(release: Release, served: pd.DataFrame, drift: Drift) -> Loss:
    """Compare the loss of `served` rows that have an outcome with the reference's.

    A one-sided z-test of two means with their own variances (Welch, 1947). Outcomes that are no
    known class, or no number, are left out.
    """
    before = release.reference["loss"]
    loss = _losses(release, served)
    if len(loss) < drift.minimum_rows:
        return Loss(len(loss), before["mean"], float("nan"), 1.0, False)
    error = np.sqrt(loss.var(ddof=1) / len(loss) + before["variance"] / before["rows"])
    rise = loss.mean() - before["mean"]
    p_value = float(stats.norm.sf(rise / error)) if error > 0 else 1.0
    level = (1 - SHARE) * drift.false_alarms
    worse = p_value < level and rise > drift.loss * before["mean"]
    return Loss(len(loss), before["mean"], float(loss.mean()), p_value, bool(worse))


def _losses(release: Release, served: pd.DataFrame) -> np.ndarray:
    known = served[served["outcome"].notna()]
    truth = truth_of(known["outcome"], release.contract, release.classes)
    kept = truth.notna().to_numpy()
    if not release.classes:
        guess = known["guess"].to_numpy(dtype="float64")
        return losses(truth.to_numpy(dtype="float64")[kept], guess[kept])
    table = np.array([[g.get(name, 0.0) for name in release.classes] for g in known["guess"]])
    table = table.reshape(-1, len(release.classes))[kept]
    guess = table[:, 1] if len(release.classes) == 2 else table
    return losses(truth[kept].to_numpy(dtype="int64"), guess)


def truth_of(outcome: pd.Series, contract: Contract, classes: tuple[str, ...]) -> pd.Series:
    """Return outcomes (text) as class numbers or floats; what is neither is missing."""
    if contract.task == "regression":
        return pd.to_numeric(outcome, errors="coerce")
    return outcome.map({name: number for number, name in enumerate(classes)})
