"""The page about a decision of the gate; its words are in gate.html.

In: a `Verdict`. Out: self-contained HTML.
"""

from markupsafe import Markup

from ..project import Project
from ..release.questions.comparisons import ANCHOR, BETTER, NO_WORSE
from ..release.questions.verdict import Verdict
from ..words import sentence
from .plots import ranges
from .render import render


def gate_page(verdict: Verdict, project: Project, advice: str) -> str:
    """Return the page about one verdict; advice: what to do now, in a sentence."""
    checks = verdict.details.get("checks", [])
    return render(
        project,
        "gate.html",
        title=f"{project.name}: may version {verdict.version} serve? {verdict.verdict.title()}",
        lead=sentence(f"{verdict.reason[:1].upper()}{verdict.reason[1:]}"),
        advice=advice,
        verdict=verdict,
        anchor=ANCHOR,
        decisive=next((check for check in checks if check["name"] in (BETTER, NO_WORSE)), None),
        picture=_gains(verdict),
    )


def _gains(verdict: Verdict) -> Markup:
    """Draw the gain of each comparison that could be made."""
    compared = [
        (check["name"], check["gain"])
        for check in verdict.details.get("checks", [])
        if check["gain"] and check["gain"]["low"] is not None
    ]
    if not compared:
        return Markup("")
    names, gains = zip(*compared, strict=True)
    return ranges("Gains", "gain", names, gains, 0)
