"""One word and one sentence on a window: quiet, watch, fault, retrain, or insufficient data.

In: the movements of columns and the loss. Out: a `Check`. The order is the advice: a broken pipe is
mended before anybody retrains on what came through it.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ..data.rows import frame_of
from ..release.bundle import Release
from ..settings import Drift
from ..words import counted
from .drift import Movement, movements
from .performance import Loss, realised

Word = Literal["quiet", "watch", "fault", "retrain", "insufficient data"]
CALM: tuple[Word, ...] = ("quiet", "watch")


@dataclass(frozen=True)
class Check:
    """The verdict on one window of served rows, and all that it rests on."""

    verdict: Word
    reason: str
    rows: int
    movements: list[Movement]
    loss: Loss


def check(release: Release, served: pd.DataFrame, drift: Drift) -> Check:
    """Judge a window of served rows, as `Ledger.served` returns them."""
    loss = realised(release, served, drift)
    if len(served) < drift.minimum_rows:
        reason = f"{counted(len(served), 'row')} served, {drift.minimum_rows} are needed"
        return Check("insufficient data", reason, len(served), [], loss)
    window = frame_of(release.contract, list(served["inputs"]), ("feature", "time", "group"))
    at = _at(served["at"]) if "at" in served else None
    found = movements(release.reference["columns"], window, release.contract, drift, at)
    word, reason = _judge(found, loss)
    return Check(word, reason, len(served), found, loss)


def _at(moments: pd.Series) -> pd.Series:
    return pd.to_datetime(moments, utc=True).dt.tz_localize(None).astype("datetime64[s]")


def _judge(found: list[Movement], loss: Loss) -> tuple[Word, str]:
    faults = [m for m in found if m.fault]
    moved = [m.column for m in found if m.moved]
    columns = ", ".join(f"'{name}'" for name in moved[:5])
    if faults:
        said = "; ".join(f"'{m.column}': {m.fault}" for m in faults[:3])
        return "fault", f"mend the pipe before anything else. {said}"
    if loss.worse and loss.now:
        why = f", and {columns} moved" if moved else ""
        change = loss.now / loss.before - 1
        return "retrain", f"the loss on {loss.rows:,} labelled rows rose by {change:.0%}{why}"
    known = f"the loss on {loss.rows:,} labelled rows did not rise"
    if loss.now is None:
        known = "too few outcomes have come to tell whether it hurts"
    if moved:
        return "watch", f"{columns} moved; {known}"
    return "quiet", f"no column moved; {known}"
