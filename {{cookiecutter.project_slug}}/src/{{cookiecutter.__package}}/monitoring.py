"""From evidence to a verdict on what was served: quiet, watch, fault, retrain, insufficient data.

In: a release and a window of served rows. Out: a `DriftCheck`. The order is the advice: a broken
pipe is mended before anybody retrains on what came through it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml_lifecycle import Project, counted
from ml_lifecycle.ledger import Decision, Traffic
from ml_lifecycle.monitoring import Baseline, DriftSettings, Evidence, Looks, Stretch, gather
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


@dataclass(frozen=True)
class DriftCheck:
    """The verdict on what was served since the last check, and all that it rests on."""

    verdict: str
    reason: str
    evidence: Evidence


def check(
    release: Release,
    served: pd.DataFrame,
    drift: DriftSettings,
    looks: Looks | None = None,
    known: Baseline | None = None,
    asked: tuple[Traffic, Traffic] | None = None,
    without: Sequence[Stretch] = (),
) -> DriftCheck:
    """Judge served rows, as `Ledger.served` returns them.

    looks: what earlier checks left; known: the release's baseline, for who has read it already;
    asked: requests before the last check and since; without: stretches of a broken pipe.
    """
    found = gather(release, served, drift, looks or Looks(), known, asked, without)
    verdict, reason = judge(found)
    # Without rows nothing is known of the pipe, and no news of it is no good news.
    if not found.columns and verdict == "quiet":
        few = f"{counted(found.rows, 'row')} to look at, {drift.min_rows} are needed"
        known_too = f"; {harm(found)}" if found.loss.now is not None else ""
        return DriftCheck("insufficient data", few + known_too, found)
    return DriftCheck(verdict, reason, found)


def judge(found: Evidence) -> tuple[str, str]:
    """Return the verdict, and why in a sentence."""
    moved, hurts = changes(found), harm(found)
    # 1. A broken pipe: missing values surely rose by more than `max_missing_increase`, all numbers
    # grew by one factor, or surely more values came that nobody has seen than training expects.
    if found.alarms.get("fault"):
        if found.skew:
            return "fault", f"mend the service before anything else. {found.skew}"
        broken = sorted(found.columns, key=lambda column: column.p_fault)
        said = [f"'{c.column}': {c.fault}" for c in broken[:3] if c.fault]
        why = "; ".join(said) or f"'{broken[0].column}' looks broken in many checks together"
        return "fault", f"mend the pipe before anything else. {why}"
    # 2. Harm: on rows with outcomes the loss surely rose by more than `max_loss_increase`, or is as
    # much above what such predictions meant at release, or the errors go with a column. Without
    # enough outcomes: the loss to be expected from the predictions alone.
    if found.alarms.get("harm"):
        return "retrain", f"{hurts}{f', and {moved[0]}' if moved else ''}"
    # 3. Movement that does not hurt, as far as outcomes have come: beyond chance for all columns
    # together, and by `min_effect_size` at least.
    if found.alarms.get("moved"):
        return "watch", f"{'; '.join(moved[:3]) or _slowly(found)}; {hurts}"
    return "quiet", f"no column moved; {hurts}"


def changes(found: Evidence) -> list[str]:
    """Return what moved, each in the unit of its column, the surest first."""
    columns = sorted(found.columns, key=lambda column: column.p_value)
    said = [f"'{column.column}' moved ({column.change})" for column in columns if column.drifted]
    return [*said, *filter(None, [found.pairs.said, found.shift.said])]


def harm(found: Evidence) -> str:
    """Say what is known of the loss."""
    loss = found.loss
    if loss.said:
        return loss.said
    if loss.now is not None:
        trend = (
            "rose a little in many checks" if found.alarms.get("harm") else "did not surely rise"
        )
        return f"the loss on {loss.rows:,} labelled rows {trend}"
    if found.estimate and found.alarms.get("harm"):
        said = f"by its predictions the loss must be expected to be {found.estimate.value:.3g}"
        return f"{said}, and was {loss.before:.3g} at release"
    return "too few outcomes have come to tell whether it hurts"


def _slowly(found: Evidence) -> str:
    surest = min(found.columns, key=lambda column: column.p_value)
    return f"small movements in many checks together, most of '{surest.column}' ({surest.change})"


def details(found: DriftCheck) -> dict[str, Any]:
    """Return what the ledger keeps of a check, for the next one and for the page."""
    kept = {name: getattr(found.evidence, name) for name in ("looks", "loss", "estimate")}
    known = {name: asdict(part) if part else None for name, part in kept.items()}
    return known | dict(zip(("from", "to"), found.evidence.stretch, strict=True))


def write(
    found: DriftCheck, version: int, project: Project, earlier: Sequence[Decision] = ()
) -> Path:
    """Write reports/drift.json, for schedulers, and drift.html; return the path of the page.

    earlier: checks of this version as the ledger has them, this one included, the latest first.
    """
    from ml_lifecycle.pages import drift_page

    about = {"version": version, "verdict": found.verdict, "reason": found.reason}
    content = about | asdict(found.evidence)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (project.reports / "drift.json").write_text(text, encoding="utf-8")
    page = project.reports / "drift.html"
    said = found.verdict, found.reason, ADVICE[found.verdict]
    past = [
        {"at": f"{one.created_at:%Y-%m-%d %H:%M}", "verdict": one.verdict, "reason": one.reason}
        | one.details
        for one in earlier[::-1]
    ]
    page.write_text(drift_page(found.evidence, project, version, said, past), encoding="utf-8")
    return page
