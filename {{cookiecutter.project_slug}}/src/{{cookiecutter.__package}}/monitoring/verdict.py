"""One word and one sentence on a window: quiet, watch, fault, retrain, or insufficient data.

In: the drift of columns, and the loss. Out: a `DriftCheck`. The order is the advice: a broken pipe
is mended before anybody retrains on what came through it.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ..data.rows import to_frame
from ..release.bundle import Release
from ..settings import Drift
from ..words import counted
from .drift import ColumnDrift, column_drift
from .performance import Loss, realized_loss

Word = Literal["quiet", "watch", "fault", "retrain", "insufficient data"]
CALM: tuple[Word, ...] = ("quiet", "watch")


@dataclass(frozen=True)
class DriftCheck:
    """The verdict on one window of served rows, and all that it rests on."""

    verdict: Word
    reason: str
    rows: int
    columns: list[ColumnDrift]
    loss: Loss


def check(release: Release, served: pd.DataFrame, drift: Drift) -> DriftCheck:
    """Judge a window of served rows, as `Ledger.served` returns them."""
    loss = realized_loss(release, served, drift)
    if len(served) < drift.min_rows:
        reason = f"{counted(len(served), 'row')} served, {drift.min_rows} are needed"
        return DriftCheck("insufficient data", reason, len(served), [], loss)
    window = to_frame(release.contract, list(served["inputs"]), ("feature", "time", "group"))
    at = _at(served["created_at"]) if "created_at" in served else None
    found = column_drift(release.reference["columns"], window, release.contract, drift, at)
    word, reason = _judge(found, loss)
    return DriftCheck(word, reason, len(served), found, loss)


def _at(moments: pd.Series) -> pd.Series:
    return pd.to_datetime(moments, utc=True).dt.tz_localize(None).astype("datetime64[s]")


def _judge(found: list[ColumnDrift], loss: Loss) -> tuple[Word, str]:
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
