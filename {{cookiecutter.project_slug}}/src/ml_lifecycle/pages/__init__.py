"""Pages for people: one HTML file each, without script, that fetches nothing.

In: what the wings found. Out: text. A template of the same name in a project's own `pages/` goes
before the one here. Imported by its name only: a service has neither matplotlib nor jinja2.
"""

from .data import data_page
from .drift import drift_page, history_page
from .gate import gate_page
from .render import render
from .report import report_page

__all__ = ["data_page", "drift_page", "gate_page", "history_page", "render", "report_page"]
