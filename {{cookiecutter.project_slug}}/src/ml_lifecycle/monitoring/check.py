"""All evidence on what was served since the last check, and how sure each part of it is.

In: a release, served rows, and what earlier checks left. Out: `Evidence`; a verdict is the
project's to make of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ..evaluation.scored import served_scores
from ..ledger.traffic import Traffic
from ..release.bundle import Release
from .baseline import Baseline, baseline, one_of_group
from .changes import Histogram
from .drift import ColumnDrift, column_drift
from .labels import label_bias
from .looks import Answer, Looks
from .performance import LossComparison, LossEstimate, estimated_loss, realized_loss
from .settings import DriftSettings
from .skew import skew
from .together import Together, pairs, shift
from .watched import Vital, pictured, service_vitals, vitals
from .window import Stretch, outside, served_frame

Asked = tuple[Traffic, Traffic]
NOTHING, NEVER = Together(), Looks()


@dataclass(frozen=True)
class Evidence:
    """What a check found. rows: served since the last check.

    skew: answers that are not the model's; label_bias: that outcomes speak for some rows only;
    predictions, vitals: what a person watches besides; alarms: by kind (moved, fault, harm),
    whether it is beyond chance, in this look or in all looks together; looks: what the next check
    has to know; stretch: when the first and the last of the rows were served (ISO 8601, UTC).
    """

    rows: int
    loss: LossComparison
    columns: list[ColumnDrift] = field(default_factory=list)
    pairs: Together = NOTHING
    shift: Together = NOTHING
    estimate: LossEstimate | None = None
    skew: str = ""
    label_bias: str = ""
    predictions: Histogram = field(default_factory=Histogram)
    vitals: list[Vital] = field(default_factory=list)
    alarms: Mapping[str, bool] = field(default_factory=dict)
    looks: Looks = NEVER
    stretch: tuple[str, str] = ("", "")


def gather(
    release: Release,
    served: pd.DataFrame,
    drift: DriftSettings,
    looks: Looks = NEVER,
    known: Baseline | None = None,
    asked: Asked | None = None,
    without: Sequence[Stretch] = (),
) -> Evidence:
    """Compare what was served, as `Ledger.served` returns it, with the release's test rows.

    Of rows and outcomes those are taken that came after the last look. Fewer than `min_rows` of
    either wait for the next one. known: the release's baseline, for who has read it already; asked:
    what the service was asked before the last look and since, see `ledger.traffic_of`; without:
    stretches of a broken pipe, of which outcomes say nothing about the model.
    """
    known, levels = known or baseline(release), looks.levels(drift.false_alarm_rate)
    window, new = served_frame(release, served), _since(served, "created_at", looks.until)
    learnt = _since(served, "outcome_at", looks.labelled) & served["outcome"].notna().to_numpy()
    fresh = served[new].reset_index(drop=True)
    found = Evidence(len(fresh), LossComparison(0, float(known.loss.mean())), looks=looks)
    if len(fresh) >= drift.min_rows:
        typed = window[new].reset_index(drop=True)
        found = _compared(release, known, fresh, typed, drift, levels, found)
        found = replace(found, vitals=[*found.vitals, *(service_vitals(*asked) if asked else ())])
    if without:
        learnt &= outside(served, without)
    if found.skew or any(column.fault for column in found.columns):
        learnt &= ~new
    labelled = served[learnt]
    loss = realized_loss(release, known, labelled, window[learnt], drift, levels)
    found = replace(found, loss=loss)
    return _with_alarms(found, _answers(found, len(known.y_true)), drift.false_alarm_rate, labelled)


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
    first = one_of_group(window, release.contract)
    y_pred = served_scores(release.classes, fresh)
    codes, outcomes = known.code(window[first]), fresh["outcome"].notna().to_numpy()[first]
    return replace(
        found,
        columns=column_drift(release, fresh, window, drift, levels),
        pairs=pairs(known, codes, levels["pairs"]),
        shift=shift(known, codes, levels["shift"]),
        estimate=estimated_loss(known, y_pred[first], drift),
        skew=skew(release, fresh, window),
        label_bias=label_bias(known, codes, outcomes),
        predictions=pictured(release.classes, known, y_pred),
        vitals=vitals(release, known, fresh, window),
        stretch=_ends(fresh, "created_at"),
    )


def _answers(found: Evidence, reference: int) -> dict[str, Answer]:
    """Return by question what was found, of those that could be asked; reference: its rows."""
    p_values: dict[str, float] = {}
    if found.columns:
        p_values = {
            "columns": min(column.p_value for column in found.columns),
            "pairs": found.pairs.p_value,
            "shift": found.shift.p_value,
            "pipe": min(column.p_fault for column in found.columns),
        }
    if found.estimate and found.loss.now is None:
        p_values["estimate"] = found.estimate.p_value
    shared = found.rows / (found.rows + reference)
    return {n: Answer(p, shared=shared) for n, p in p_values.items()} | dict(found.loss.answers)


def _with_alarms(
    found: Evidence, answers: Mapping[str, Answer], rate: float, labelled: pd.DataFrame
) -> Evidence:
    if not answers:
        return found
    looks = found.looks
    alarms = looks.alarms(answers, rate)
    alarms["fault"] = alarms.get("fault", False) or bool(found.skew)
    until, judged = found.stretch[1] or looks.until, found.loss.now is not None
    known = _ends(labelled, "outcome_at")[1] if judged else ""
    seen = looks.after(answers, rate)
    after = Looks(looks.number + 1, until, known or looks.labelled, seen)
    return replace(found, alarms=alarms, looks=after)


def _ends(rows: pd.DataFrame, column: str) -> tuple[str, str]:
    """Return the first and the last moment (ISO 8601, UTC); empty where there is none."""
    moments = pd.to_datetime(rows[column], utc=True).dropna() if column in rows else pd.Series()
    return (moments.min().isoformat(), moments.max().isoformat()) if len(moments) else ("", "")
