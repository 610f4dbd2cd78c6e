"""All evidence on what was served since the last check, and how sure each part of it is.

In: a release, served rows, and what earlier checks left. Out: `Evidence`; a verdict is the
project's to make of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ..evaluation.scored import served_scores
from ..release.bundle import Release
from .baseline import Baseline, baseline, first_of_group
from .drift import ColumnDrift, column_drift, served_frame
from .labels import label_bias
from .looks import Looks, alarming, bound
from .performance import LossComparison, LossEstimate, estimated_loss, realized_loss
from .settings import DriftSettings
from .skew import skew
from .together import Together, pairs, shift

NOTHING, NEVER = Together(), Looks()
# Of what may have moved: single columns, pairs of them, and all together.
PARTS = {"columns": 0.65, "pairs": 0.15, "shift": 0.2}


@dataclass(frozen=True)
class Evidence:
    """What a check found. rows: served since the last check.

    skew: answers that are not the model's; label_bias: that outcomes speak for some rows only;
    alarms: by kind (moved, fault, harm), whether it is beyond chance, in this look or in all looks
    together; looks: what the next check has to know; stretch: when the first and the last of the
    rows were served (ISO 8601, UTC).
    """

    rows: int
    loss: LossComparison
    columns: list[ColumnDrift] = field(default_factory=list)
    pairs: Together = NOTHING
    shift: Together = NOTHING
    estimate: LossEstimate | None = None
    skew: str = ""
    label_bias: str = ""
    alarms: Mapping[str, bool] = field(default_factory=dict)
    looks: Looks = NEVER
    stretch: tuple[str, str] = ("", "")

    @property
    def enough(self) -> bool:
        """Whether anything could be asked."""
        return bool(self.columns) or self.loss.now is not None


def gather(
    release: Release,
    served: pd.DataFrame,
    drift: DriftSettings,
    looks: Looks = NEVER,
    known: Baseline | None = None,
) -> Evidence:
    """Compare what was served, as `Ledger.served` returns it, with the release's test rows.

    Of rows and outcomes those are taken that came after the last look. Fewer than `min_rows` of
    either wait for the next one. known: the release's baseline, for who has read it already.
    """
    known, levels = known or baseline(release), looks.levels(drift.false_alarm_rate)
    window, new = served_frame(release, served), _since(served, "created_at", looks.until)
    learnt = _since(served, "outcome_at", looks.labelled) & served["outcome"].notna().to_numpy()
    labelled, fresh = served[learnt], served[new].reset_index(drop=True)
    loss = realized_loss(release, known, labelled, window[learnt], drift, levels)
    found = Evidence(len(fresh), loss, looks=looks)
    if len(fresh) >= drift.min_rows:
        found = _compared(
            release, known, fresh, window[new].reset_index(drop=True), drift, levels, found
        )
    return _with_alarms(found, drift.false_alarm_rate, levels, labelled)


def _since(served: pd.DataFrame, column: str, moment: str) -> np.ndarray:
    if not moment:
        return np.ones(len(served), dtype=bool)
    return (pd.to_datetime(served[column], utc=True) > pd.Timestamp(moment)).to_numpy()


def _compared(
    release: Release,
    known: Baseline,
    fresh: pd.DataFrame,
    window: pd.DataFrame,
    drift: DriftSettings,
    levels: Mapping[str, float],
    found: Evidence,
) -> Evidence:
    first = first_of_group(window, release.contract)
    codes, outcomes = known.code(window[first]), fresh["outcome"].notna().to_numpy()[first]
    own = {name: share * levels["moved"] for name, share in PARTS.items()}
    return replace(
        found,
        columns=column_drift(release, fresh, window, drift, {**levels, "moved": own["columns"]}),
        pairs=pairs(known, codes, own["pairs"]),
        shift=shift(known, codes, own["shift"]),
        estimate=estimated_loss(known, served_scores(release.classes, fresh), drift),
        skew=skew(release, fresh, window),
        label_bias=label_bias(known, codes, outcomes),
        stretch=_ends(fresh, "created_at"),
    )


def _p_values(found: Evidence) -> dict[str, float]:
    """Return by kind the chance of what was found, of those that could be asked."""
    asked: dict[str, float] = {}
    if found.columns:
        each = {
            "columns": min(column.p_value for column in found.columns),
            "pairs": found.pairs.p_value,
            "shift": found.shift.p_value,
        }
        asked["moved"] = min(1.0, *(p / PARTS[name] for name, p in each.items()))
        asked["fault"] = min(column.p_fault for column in found.columns)
    if found.loss.now is not None:
        asked["harm"] = found.loss.p_value
    elif found.estimate:
        asked["harm"] = found.estimate.p_value
    return asked


def _with_alarms(
    found: Evidence, rate: float, levels: Mapping[str, float], labelled: pd.DataFrame
) -> Evidence:
    asked, looks = _p_values(found), found.looks
    if not asked:
        return found
    evidence = looks.after(asked, rate)
    alarms = {
        kind: alarming(p, levels[kind], evidence[kind], bound(kind, rate))
        for kind, p in asked.items()
    }
    alarms["fault"] = alarms.get("fault", False) or bool(found.skew)
    until, judged = found.stretch[1] or looks.until, found.loss.now is not None
    known = _ends(labelled, "outcome_at")[1] if judged else ""
    after = Looks(looks.number + 1, until, known or looks.labelled, evidence)
    return replace(found, alarms=alarms, looks=after)


def _ends(rows: pd.DataFrame, column: str) -> tuple[str, str]:
    """Return the first and the last moment (ISO 8601, UTC); empty where there is none."""
    moments = pd.to_datetime(rows[column], utc=True).dropna() if column in rows else pd.Series()
    return (moments.min().isoformat(), moments.max().isoformat()) if len(moments) else ("", "")
