"""All evidence on what was served since the last check, and how sure each part of it is.

In: a release, served rows, and what earlier checks left. Out: `Evidence`; a verdict is the
project's to make of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from ..data.rows import to_frame
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
    together; looks: what the next check has to know.
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

    @property
    def enough(self) -> bool:
        """Whether anything could be asked."""
        return bool(self.columns) or self.loss.now is not None


def gather(
    release: Release, served: pd.DataFrame, drift: DriftSettings, looks: Looks = NEVER
) -> Evidence:
    """Compare what was served, as `Ledger.served` returns it, with the release's test rows.

    Of rows and outcomes those are taken that came after the last look. Fewer than `min_rows` of
    either wait for the next one.
    """
    known, levels = baseline(release), looks.levels(drift.false_alarm_rate)
    labelled = _since(served, "outcome_at", looks.labelled)
    labelled = labelled[labelled["outcome"].notna()]
    rows = to_frame(release.contract, list(labelled["inputs"]))
    loss = realized_loss(release, known, labelled, rows, drift, levels)
    fresh = _since(served, "created_at", looks.until)
    found = Evidence(len(fresh), loss, looks=looks)
    if len(fresh) >= drift.min_rows:
        found = _compared(release, known, fresh, drift, levels, found)
    return _with_alarms(found, drift.false_alarm_rate, levels, fresh, labelled)


def _since(served: pd.DataFrame, column: str, moment: str) -> pd.DataFrame:
    if not moment:
        return served
    after = pd.to_datetime(served[column], utc=True) > pd.Timestamp(moment)
    return served[after].reset_index(drop=True)


def _compared(
    release: Release,
    known: Baseline,
    fresh: pd.DataFrame,
    drift: DriftSettings,
    levels: Mapping[str, float],
    found: Evidence,
) -> Evidence:
    window = served_frame(release, fresh)
    first = first_of_group(window, release.contract)
    codes, outcomes = known.code(window[first]), fresh["outcome"].notna().to_numpy()[first]
    own = {name: share * levels["moved"] for name, share in PARTS.items()}
    return replace(
        found,
        columns=column_drift(release, fresh, window, drift, {**levels, "moved": own["columns"]}),
        pairs=pairs(known, codes, own["pairs"]),
        shift=shift(known, codes, own["shift"]),
        estimate=estimated_loss(known, served_scores(release.classes, fresh), drift),
        skew=skew(release, fresh),
        label_bias=label_bias(known, codes, outcomes),
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
    found: Evidence,
    rate: float,
    levels: Mapping[str, float],
    fresh: pd.DataFrame,
    labelled: pd.DataFrame,
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
    until = _last(fresh, "created_at", looks.until) if found.columns else looks.until
    judged = found.loss.now is not None
    known = _last(labelled, "outcome_at", looks.labelled) if judged else looks.labelled
    return replace(found, alarms=alarms, looks=Looks(looks.number + 1, until, known, evidence))


def _last(rows: pd.DataFrame, column: str, before: str) -> str:
    if column not in rows or not len(rows):
        return before
    last = pd.to_datetime(rows[column], utc=True).max()
    return before if last is pd.NaT else str(last.isoformat())
