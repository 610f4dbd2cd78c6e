"""Plots as inline SVG, which need no script and fetch nothing.

In: numbers. Out: figures, and their markup with a description for those who cannot see them.
"""

import io
from collections.abc import Iterable
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind people, and in grey.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"
COLOURS = (GREY, BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = "osD^vPX"
mpl.rcParams["text.parse_math"] = False  # a dollar in a name is a dollar


def axes(title: str, x: str, y: str, height: float = 3.2) -> Axes:
    """Return the axes of a new plain figure, 8.5 inches wide."""
    plot: Axes = Figure(figsize=(8.5, height), layout="constrained").subplots()
    plot.set(xlabel=x, ylabel=y)
    plot.set_title(title, loc="left", fontsize=11, fontweight="bold")
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(color="#eeeeee")
    plot.set_axisbelow(True)
    return plot


def svg(plot: Axes, described: str) -> Markup:
    """Return the figure of `plot` as inline SVG, with a description for those who cannot see it."""
    buffer, figure = io.StringIO(), plot.figure
    assert isinstance(figure, Figure)
    # Text stays text in the SVG: the reader's browser has the glyphs that matplotlib lacks.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": described}
    with mpl.rc_context(style), catch_warnings():
        filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    return Markup(f'<figure role="img" aria-label="{escape(described)}">{drawing}</figure>')


def ranges(
    title: str, x: str, names: Iterable[str], intervals: Iterable[Any], line: float
) -> Markup:
    """Draw a point with its interval for each name, the first on top, and a dotted line.

    intervals: objects or dictionaries with value, low and high.
    """
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
