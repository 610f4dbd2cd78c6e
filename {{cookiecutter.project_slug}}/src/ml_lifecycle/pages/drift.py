"""The page about a drift check; its words are in drift.html.

In: a `DriftCheck`. Out: self-contained HTML.
"""

from markupsafe import Markup

from ..monitoring.drift import ColumnDrift, DriftCheck
from ..project import Project
from .plots import BLUE, ORANGE, axes, svg
from .render import render


def drift_page(check: DriftCheck, project: Project, version: int, advice: str) -> str:
    """Return the page about one check; advice: what to do now, in a sentence."""
    columns = sorted(check.columns, key=lambda c: (not c.fault, -c.effect))
    return render(
        project,
        "drift.html",
        title=f"{project.name}: {check.rows:,} rows served by version {version}",
        lead=f"{check.verdict.capitalize()}: {check.reason}.",
        advice=advice,
        loss=check.loss,
        columns=columns,
        picture=_effects(columns),
    )


def _effects(columns: list[ColumnDrift]) -> Markup:
    top = sorted(columns, key=lambda c: c.effect)[-20:]
    plot = axes("How far each column moved", "Cohen's w", "", 1 + 0.25 * len(top))
    colours = [ORANGE if c.drifted or c.fault else BLUE for c in top]
    plot.barh([c.column[:40] for c in top], [c.effect for c in top], color=colours)
    return svg(plot, "Effect size of each column; those that moved in orange")
