"""The gate's decision as a page: reports/gate-version-N.html, words in gate.html beside this file.

In: a `Verdict`. Out: self-contained HTML.
"""

from pathlib import Path

from markupsafe import Markup

from .. import NAME
from ..evaluation.page import render
from ..evaluation.report import ranges
from ..settings import Settings
from ..words import sentence
from .gate import ANCHOR, Verdict

WHAT_NEXT = {
    "promote": "Nothing: a running service takes it over by itself; rollback is the way back.",
    "hold": "The champion goes on serving. Bring more rows or a better model, and ask again.",
    "reject": "The champion goes on serving. Find out what this version does worse.",
}


def write(verdict: Verdict, settings: Settings) -> Path:
    """Write the page about a verdict; return its path."""
    settings.reports.mkdir(exist_ok=True)
    path = settings.reports / f"gate-version-{verdict.version}.html"
    path.write_text(gate_page(verdict), encoding="utf-8")
    return path


def gate_page(verdict: Verdict) -> str:
    """Return the page about one verdict."""
    return render(
        "release/gate.html",
        title=f"{NAME}: may version {verdict.version} serve? {verdict.verdict.capitalize()}",
        lead=sentence(f"{verdict.reason[:1].upper()}{verdict.reason[1:]}"),
        next=WHAT_NEXT[verdict.verdict],
        verdict=verdict,
        anchor=ANCHOR,
        better=next((c for c in verdict.details.get("checks", []) if c["name"] == "better"), None),
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
