"""Sentences for people: a number with its noun, a metric by its name, one full stop.

In: what is known. Out: text. Names of metrics that are not here are said as in project.toml.
"""

from collections.abc import Callable
from datetime import timedelta

Progress = Callable[[str, int, int], None]  # what is done, how many are done, how many there are
METRICS = {"roc_auc": "AUC", "average_precision": "average precision", "r2": "R²"}


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def called(metric: str) -> str:
    """Return the name of a metric of project.toml as people say it."""
    return METRICS.get(metric, metric)


def sentence(text: str) -> str:
    """Return the text with one mark at its end."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def pace(rows: int, share: float, seconds: float) -> str:
    """Return how fast a long step is: rows done, which share of all that is, and seconds so far."""
    left = timedelta(seconds=round(seconds / share - seconds)) if share else "?"
    return f"{counted(rows, 'row')}, {rows / max(seconds, 1e-9):,.0f} a second, {left} left"
