"""The shape of what the page is told, besides what every caller is.

In: nothing. Out: types, and what OpenAPI says of the column to move.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from ..service.forms import Plain, Said

# What OpenAPI says of the column that is moved.
COLUMN: dict[str, Any] = {
    "parameters": [
        {
            "name": "column",
            "in": "query",
            "description": "What to move: one of `columns`; without it nothing is moved.",
            "schema": {"type": "string"},
        }
    ]
}


class Point(BaseModel):
    """What is said of the row with one value in the place of its own.

    probability: of the class `of`, null for numbers. acting, leaving: money that such a row is
    worth on average, acted on or left alone; null where [value] says nothing of it.
    """

    value: Plain
    prediction: Said
    probability: float | None
    acting: float | None
    leaving: float | None


class WhatIf(BaseModel):
    """The row as it is (`now`), and with each value of one column (`points`), in their order.

    of: the class that probabilities are of: of two the one that counts, of more that of `now`.
    columns: those that can be moved; value of `now`: of `column`, null without one.
    """

    version: int
    of: str | None
    threshold: float | None
    currency: str | None
    columns: list[str]
    column: str | None
    now: Point
    points: list[Point]


class Measure(BaseModel):
    """A number with its 95 % interval; null where it is not assessed."""

    name: str
    value: float | None
    low: float | None
    high: float | None


class Group(BaseModel):
    """The score of people of one group, which is null where they are too few."""

    column: str
    value: str
    rows: int
    score: Measure


class Watched(BaseModel):
    """The last verdict on what was served, and on which version."""

    at: datetime
    verdict: str
    reason: str
    version: int | None


class Card(BaseModel):
    """What a person should know before trusting the model, from its signed release.

    metric: what it was chosen by; scores: higher is better; leads: by how much more money a row
    earns than without the model; groups: of sensitive columns; importances: how much of the metric
    is lost without a column; caveats: sentences; watched: null if nobody has checked for drift.
    """

    version: int
    summary: str
    candidate: str
    trained_at: datetime
    fitted_rows: int
    test_rows: int
    judged: str
    metric: str
    baseline: float | None
    currency: str
    scores: list[Measure]
    leads: list[Measure]
    groups: list[Group]
    importances: list[Measure]
    caveats: list[str]
    watched: Watched | None
