"""From evidence to a verdict on what was served: quiet, watch, fault, retrain, insufficient data.

In: a release and a window of served rows. Out: a `DriftCheck`. The order is the advice: a broken
pipe is mended before anybody retrains on what came through it.
"""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from ml_lifecycle import Project, counted
from ml_lifecycle.monitoring import (
    ColumnDrift,
    DriftCheck,
    DriftSettings,
    LossComparison,
    column_drift,
    realized_loss,
)
from ml_lifecycle.release import Release

CALM = ("quiet", "watch")  # exit code 0
# What a person, or a scheduler, does about each verdict.
ADVICE = {
    "quiet": "Nothing to do.",
    "watch": "Nothing to do yet. Find out why these columns moved, and wait for outcomes.",
    "fault": "Find the source of these columns and mend it. Do not retrain on broken rows.",
    "retrain": "Run `retrain`; the gate then decides whether the new model serves.",
    "insufficient data": "Wait for more traffic. This is not the same as quiet.",
}


def check(release: Release, served: pd.DataFrame, drift: DriftSettings) -> DriftCheck:
    """Judge a window of served rows, as `Ledger.served` returns them."""
    loss = realized_loss(release, served, drift)
    if len(served) < drift.min_rows:
        reason = f"{counted(len(served), 'row')} served, {drift.min_rows} are needed"
        return DriftCheck("insufficient data", reason, len(served), [], loss)
    columns = column_drift(release, served, drift)
    verdict, reason = judge(columns, loss)
    return DriftCheck(verdict, reason, len(served), columns, loss)


def judge(columns: list[ColumnDrift], loss: LossComparison) -> tuple[str, str]:
    """Return the verdict, and why in a sentence."""
    faults = [column for column in columns if column.fault]
    moved = [column.column for column in columns if column.drifted]
    named = ", ".join(f"'{name}'" for name in moved[:5])
    # 1. A broken pipe: missing values surely rose by more than `max_missing_increase`, all numbers
    # grew by one factor, or surely more values came that nobody has seen than training expects.
    if faults:
        said = "; ".join(f"'{column.column}': {column.fault}" for column in faults[:3])
        return "fault", f"mend the pipe before anything else. {said}"
    # 2. Harm: the loss on rows with outcomes, `min_rows` of them or more, surely rose above that of
    # the test set, and by more than `max_loss_increase` of it.
    if loss.worse and loss.now:
        why = f", and {named} moved" if moved else ""
        change = loss.now / loss.before - 1
        return "retrain", f"the loss on {loss.rows:,} labelled rows rose by {change:.0%}{why}"
    # 3. Movement that does not hurt, as far as outcomes have come: a chi-square that is significant
    # for all columns together, and an effect (Cohen's w) of at least `min_effect_size`.
    known = f"the loss on {loss.rows:,} labelled rows did not surely rise"
    if loss.now is None:
        known = "too few outcomes have come to tell whether it hurts"
    if moved:
        return "watch", f"{named} moved; {known}"
    return "quiet", f"no column moved; {known}"


def write(found: DriftCheck, version: int, project: Project) -> Path:
    """Write reports/drift.json, for schedulers, and drift.html; return the path of the page."""
    from ml_lifecycle.pages import drift_page

    content = {"version": version} | asdict(found)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (project.reports / "drift.json").write_text(text, encoding="utf-8")
    page = project.reports / "drift.html"
    advice = ADVICE[found.verdict]
    page.write_text(drift_page(found, project, version, advice), encoding="utf-8")
    return page
