"""Templates, filled in.

In: a project, the name of a template, values. Out: text, escaped where it is HTML.
"""

from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

from ..evaluation.scores import Interval
from ..project import Project


def render(project: Project, template: str, **values: Any) -> str:
    """Return a template filled in; text is escaped in HTML.

    template: its name in the project's `pages/`, or in the library's.
    """

    def load(name: str) -> str:
        return project.page(name).read_text(encoding="utf-8")

    environment = Environment(
        loader=FunctionLoader(load),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["show"] = show
    return environment.get_template(template).render(values)


def show(value: Any) -> str:
    """Return a number with four digits, an interval as `0.81 (0.79 to 0.83)`, "–" for nothing."""
    if isinstance(value, dict):  # an interval, from the ledger
        value = Interval(**{name: value[name] for name in ("value", "low", "high")})
    if hasattr(value, "low"):
        return f"{show(value.value)} ({show(value.low)} to {show(value.high)})"
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
