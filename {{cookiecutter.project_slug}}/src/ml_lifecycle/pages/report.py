"""The page about one model; its words are in report.html.

In: an `Evaluation`. Out: self-contained HTML, and the pictures in it.
"""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from ..evaluation.evaluation import CandidateScore, Evaluation, SearchStep
from ..evaluation.scores import Calibration
from ..evaluation.staleness import AgePoint
from ..project import Project
from .plots import BLUE, COLOURS, GREY, MARKERS, ORANGE, axes, ranges, svg
from .render import render

STYLES: list[dict[str, Any]] = [
    {"color": colour, "marker": marker} for colour, marker in zip(COLOURS, MARKERS, strict=True)
]
AFTER: dict[str, Any] = {"color": BLUE, "marker": "o"}
BEFORE: dict[str, Any] = {"color": ORANGE, "marker": "s", "linestyle": "--"}
BESIDE: dict[str, Any] = {"frameon": False, "loc": "center left", "bbox_to_anchor": (1, 0.5)}


def report_page(evaluation: Evaluation, project: Project, title: str) -> str:
    """Return the page about one model."""
    return render(
        project,
        "report.html",
        title=title,
        lead=f"{evaluation.headline}.",
        evaluation=evaluation,
        currency=evaluation.currency,
        draw={draw.__name__: draw for draw in (ladder, search, calibration, ranges, ageing)},
    )


def ladder(candidates: list[CandidateScore], metric: str) -> Markup:
    """Draw the score of each candidate, with its standard error, against what a try costs."""
    plot = axes("Complexity against quality", "seconds of one try (log scale)", metric)
    seconds = np.maximum([one.seconds for one in candidates], 1e-3)
    for one, at, style in zip(candidates, seconds, cycle(STYLES), strict=False):
        label = f"{one.candidate}  {one.score:.4g}"
        plot.errorbar(at, one.score, one.standard_error, ms=8, capsize=4, label=label, **style)
    plot.set_xscale("log")
    powers = np.log10([seconds.min() / 1.2, seconds.max() * 1.2])
    plot.set_xlim(10 ** np.floor(powers[0]), 10 ** np.ceil(powers[1]))
    plot.xaxis.set_major_formatter("{x:g}")
    plot.minorticks_off()
    plot.legend(**BESIDE)
    return svg(plot, "Cross-validated score of each candidate with its standard error, by seconds")


def search(steps: list[SearchStep], metric: str, limit: float | None) -> Markup:
    """Draw the score of each try, the best so far, and what one more try promised."""
    table = pd.DataFrame(steps, index=np.arange(1, len(steps) + 1))
    plot = axes("What the search found", "try", metric, 2.8)
    for (name, part), style in zip(
        table.groupby("candidate", sort=False), cycle(STYLES), strict=False
    ):
        plot.plot(part["score"], linestyle="", label=name, **style)
    plot.step(table.index, table["best"], where="post", color="black", label="best so far")
    plot.legend(**BESIDE)
    promise = axes("What one more try promised", "try", "expected gain", 2.2)
    promise.plot(table["expected"], "o-", color=BLUE, label="promised")
    if limit is not None:
        promise.axhline(limit, color=ORANGE, linestyle="--", label="not worth it below")
    promise.set_xlim(plot.get_xlim())
    promise.legend(**BESIDE)
    found = svg(plot, "Score of each try and the best so far")
    return found + svg(promise, "Expected gain of one more try, with the limit of what is worth it")


def calibration(after: Calibration, before: Calibration | None) -> Markup:
    """Draw what happened against what was said, before and after calibration."""
    plot = axes("What was said and what happened, by tenth", "mean prediction", "mean outcome")
    drawn = {"the model": (after, AFTER)} | ({"before": (before, BEFORE)} if before else {})
    for name, (one, style) in drawn.items():
        points, label = pd.DataFrame(one.points), f"{name} (off by {one.error:.3g})"
        plot.plot("y_pred", "y_true", data=points, label=label, **style)
    middle = points["y_pred"].mean()
    plot.axline((middle, middle), slope=1, color=GREY, linestyle=":", label="perfect")
    plot.legend(frameon=False)
    return svg(plot, "Mean outcome against mean prediction for ten equal parts of the test rows")


def ageing(curve: list[AgePoint], metric: str, unit: str) -> Markup:
    """Draw the score, with its interval, by age of the newest row that the model saw."""
    table = pd.DataFrame(curve).set_index("age")
    plot = axes("How it ages", f"age of the newest training row, {unit}", metric)
    plot.plot(table["score"], "o-", color=BLUE)
    plot.fill_between(table.index, table["low"], table["high"], color=BLUE, alpha=0.15)
    return svg(plot, "Score of models fitted on older and older rows, with intervals")
