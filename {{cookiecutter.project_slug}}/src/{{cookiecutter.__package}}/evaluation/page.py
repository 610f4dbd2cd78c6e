"""Pages and cards from templates; pictures as inline SVG. No script, and nothing to fetch."""

import io
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind people, and in grey.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"
COLOURS = (GREY, BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = "osD^vPX"
mpl.rcParams["text.parse_math"] = False  # a dollar in a name is a dollar


def show(value: Any) -> str:
    """Return a number with four digits, an interval as `0.81 (0.79 to 0.83)`, "–" for nothing."""
    if isinstance(value, dict):
        return f"{show(value['value'])} ({show(value['low'])} to {show(value['high'])})"
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1]),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["show"] = show


def render(template: str, **values: Any) -> str:
    """Return a template (its path in the package) filled in; text is escaped in HTML."""
    return TEMPLATES.get_template(template).render(values)


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
