"""The drift check as files: JSON for schedulers, a page for people.

In: a `DriftCheck`. Out: reports/drift.json and reports/drift.html.
"""

import json
from dataclasses import asdict
from pathlib import Path

from .. import NAME
from ..evaluation import page
from ..settings import Settings
from .drift import ColumnDrift, as_rows
from .verdict import DriftCheck

WHAT_NEXT = {
    "quiet": "Nothing to do.",
    "watch": "Nothing to do yet. Find out why these columns moved, and wait for outcomes.",
    "fault": "Find the source of these columns and mend it. Do not retrain on broken rows.",
    "retrain": "Run `retrain`; the gate then decides whether the new model serves.",
    "insufficient data": "Wait for more traffic. This is not the same as quiet.",
}


def write(found: DriftCheck, version: int, settings: Settings) -> Path:
    """Write both files; return the path of the page."""
    folder = settings.reports
    folder.mkdir(exist_ok=True)
    content = {"version": version} | asdict(found)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "drift.json").write_text(text, encoding="utf-8")
    path = folder / "drift.html"
    path.write_text(drift_page(found, version), encoding="utf-8")
    return path


def drift_page(found: DriftCheck, version: int) -> str:
    """Return the page about one check."""
    return page.render(
        "monitoring/drift.html",
        title=f"{NAME}: {found.rows:,} rows served by version {version}",
        lead=f"{found.verdict.capitalize()}: {found.reason}.",
        next=WHAT_NEXT[found.verdict],
        loss=found.loss,
        rows=as_rows(found.columns),
        picture=_effects(found.columns),
    )


def _effects(found: list[ColumnDrift]) -> str:
    top = sorted(found, key=lambda m: m.effect)[-20:]
    plot = page.axes("How far each column moved", "Cohen's w", "", 1 + 0.25 * len(top))
    colours = [page.ORANGE if m.moved or m.fault else page.BLUE for m in top]
    plot.barh([m.column[:40] for m in top], [m.effect for m in top], color=colours)
    return page.svg(plot, "Effect size of each column; those that moved in orange")
