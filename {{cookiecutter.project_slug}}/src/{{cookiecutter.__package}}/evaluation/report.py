"""The page about one model: reports/version-N.html. Its words are in report.html, beside this file.

In: an `Evaluation`. Out: self-contained HTML, and the pictures in it.
"""

from collections.abc import Iterable
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from .assess import Evaluation, headline
from .page import BLUE, COLOURS, GREY, MARKERS, ORANGE, axes, render, svg

STYLES: list[dict[str, Any]] = [
    {"color": colour, "marker": marker} for colour, marker in zip(COLOURS, MARKERS, strict=True)
]
AFTER: dict[str, Any] = {"color": BLUE, "marker": "o"}
BEFORE: dict[str, Any] = {"color": ORANGE, "marker": "s", "linestyle": "--"}
BESIDE: dict[str, Any] = {"frameon": False, "loc": "center left", "bbox_to_anchor": (1, 0.5)}


def report_page(evaluation: Evaluation, title: str, currency: str) -> str:
    """Return the page about one model."""
    return render(
        "evaluation/report.html",
        title=title,
        lead=f"{headline(evaluation)}.",
        evaluation=evaluation,
        currency=currency,
        draw={draw.__name__: draw for draw in (ladder, search, calibration, ranges, ageing)},
    )


def ladder(rungs: list[dict[str, Any]], metric: str) -> Markup:
    """Draw the score of each candidate, with its standard error, against what a try costs."""
    plot = axes("Complexity against quality", "seconds of one try (log scale)", metric)
    seconds = np.maximum([rung["seconds"] for rung in rungs], 1e-3)
    for rung, at, style in zip(rungs, seconds, cycle(STYLES), strict=False):
        error, label = rung["standard_error"], f"{rung['candidate']}  {rung['score']:.4g}"
        plot.errorbar(at, rung["score"], error, ms=8, capsize=4, label=label, **style)
    plot.set_xscale("log")
    powers = np.log10([seconds.min() / 1.2, seconds.max() * 1.2])
    plot.set_xlim(10 ** np.floor(powers[0]), 10 ** np.ceil(powers[1]))
    plot.xaxis.set_major_formatter("{x:g}")
    plot.minorticks_off()
    plot.legend(**BESIDE)
    return svg(plot, "Cross-validated score of each candidate with its standard error, by seconds")


def search(tries: list[dict[str, Any]], metric: str, limit: float | None) -> Markup:
    """Draw the score of each try, the best so far, and what one more try promised."""
    table = pd.DataFrame(tries, index=np.arange(1, len(tries) + 1))
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


def calibration(said: dict[str, dict[str, Any]]) -> Markup:
    """Draw what happened against what was said, before and after calibration."""
    plot = axes("What was said and what happened, by tenth", "mean guess", "mean outcome")
    for (name, one), style in zip(said.items(), (AFTER, BEFORE), strict=False):
        points, label = pd.DataFrame(one["points"]), f"{name} (off by {one['error']:.3g})"
        plot.plot("y_pred", "y_true", data=points, label=label, **style)
    middle = points["y_pred"].mean()
    plot.axline((middle, middle), slope=1, color=GREY, linestyle=":", label="perfect")
    plot.legend(frameon=False)
    return svg(plot, "Mean outcome against mean guess for ten equal parts of the test rows")


def ranges(
    title: str, x: str, names: Iterable[str], intervals: Iterable[dict[str, float]], line: float
) -> Markup:
    """Draw a point with its interval for each name, the first on top, and a dotted line."""
    labels, table = [name[:40] for name in names], pd.DataFrame(intervals)
    plot = axes(title, x, "", 0.9 + 0.3 * len(table))
    # A percentile interval need not hold the value itself.
    sides = [table["value"] - table["low"], table["high"] - table["value"]]
    plot.errorbar(
        table["value"], -table.index, xerr=np.maximum(sides, 0), fmt="o", color=BLUE, capsize=3
    )
    plot.axvline(line, color=GREY, linestyle=":")
    plot.set_ylim(0.6 - len(table), 0.6)
    plot.set_yticks(-table.index, labels)
    return svg(plot, f"{title}: {', '.join(labels)}")


def ageing(curve: list[dict[str, float]], metric: str, unit: str) -> Markup:
    """Draw the score, with its interval, by age of the newest row that the model saw."""
    table = pd.DataFrame(curve).set_index("age")
    plot = axes("How it ages", f"age of the newest training row, {unit}", metric)
    plot.plot(table["score"], "o-", color=BLUE)
    plot.fill_between(table.index, table["low"], table["high"], color=BLUE, alpha=0.15)
    return svg(plot, "Score of models fitted on older and older rows, with intervals")
