"""One self-contained HTML page: headings, tables, pictures, no script and nothing to fetch."""

import io
from collections.abc import Sequence
from html import escape
from string import Template
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind people, and in grey.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"
LAYOUT = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1c1c; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e4e4e4;
  vertical-align: top; overflow-wrap: break-word; }
.lead { font-size: 1.15rem; color: #444; } svg { max-width: 100%; height: auto; }
</style></head><body><h1>$title</h1><p class="lead">$lead</p>
$body
</body></html>
""")


def page(title: str, lead: str, sections: Sequence[tuple[str, str]]) -> str:
    """Return a page; title, lead and headings are text, the sections' bodies are HTML."""
    body = "\n".join(f"<h2>{escape(name)}</h2>\n{content}" for name, content in sections)
    return LAYOUT.substitute(title=escape(title), lead=escape(lead), body=body)


def paragraph(text: str) -> str:
    """Return text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows (all with the same keys) as a table; numbers with four digits."""
    if not rows:
        return paragraph("None.")
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_show(value))}</td>' for value in row.values())}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def axes(title: str, x: str, y: str, height: float = 3.2) -> Axes:
    """Return the axes of a new plain figure, 7 inches wide."""
    plot: Axes = Figure(figsize=(7, height), layout="constrained").subplots()
    plot.set(title=title, xlabel=x, ylabel=y)
    plot.spines[["top", "right"]].set_visible(False)
    return plot


def svg(plot: Axes, described: str) -> str:
    """Return the figure of `plot` as inline SVG, with a description for those who cannot see it."""
    buffer, figure = io.StringIO(), plot.figure
    assert isinstance(figure, Figure)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": described}), catch_warnings():
        # Text stays text in the SVG: the reader's browser has the glyphs that matplotlib lacks.
        filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    return f'<figure role="img" aria-label="{escape(described)}">{drawing}</figure>'
