"""The request type, made from the contract: what a row over HTTP must look like.

In: the contract of the release that serves. Out: a pydantic type. Kinds and missing values are
enforced; unknown categories and odd ranges are answered with a warning, since they are news.
"""

from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NaiveDatetime, Strict
from pydantic import create_model as make_model

from ..data.contract import NUMERIC, POSITIVE_NAMES, Column, Contract

MOST_ROWS = 1000
LARGEST = 1e100  # beyond it a standardised value may overflow


def rows_type(contract: Contract) -> type[BaseModel]:
    """Return the type of `{"rows": [{column: value, ...}, ...]}` for this contract."""
    row = row_type(contract)
    rows: Any = (list[row], Field(min_length=1, max_length=MOST_ROWS))  # type: ignore[valid-type]
    return make_model("Rows", __config__=ConfigDict(extra="forbid"), rows=rows)


def row_type(contract: Contract) -> type[BaseModel]:
    """Return the type of one row. Only features are demanded; time and ids may come along."""
    fields: dict[str, Any] = {}
    for place, column in enumerate(contract.columns):
        if column.role != "target":
            fields[f"column_{place}"] = _field(column)
    config = ConfigDict(extra="forbid", allow_inf_nan=False, title="Row", serialize_by_alias=True)
    return make_model("Row", __config__=config, **fields)


def _field(column: Column) -> tuple[Any, Any]:
    kind = _type(column)
    about: dict[str, Any] = {
        "alias": column.name,
        "title": column.name,
        "description": column.note or column.kind,
    }
    if examples := _examples(column):
        about["examples"] = examples
    if column.role in ("ignored", "id"):
        # Taken, so that a whole row of the table may be sent, and dropped at once.
        return str | float | None, Field(None, exclude=True, **about)
    if column.nullable or column.role != "feature":
        return kind | None, Field(None, **about)
    return kind, Field(..., **about)


def _type(column: Column) -> Any:
    if column.kind == "integer":
        return Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST, multiple_of=1)]
    if column.kind == "number":
        return Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST)]
    if column.kind == "date":
        return NaiveDatetime
    spellings = column.categories if column.kind == "boolean" else None
    return Annotated[
        str, BeforeValidator(lambda value: as_text(value, spellings)), Field(max_length=10_000)
    ]


def as_text(value: Any, spellings: tuple[str, ...] | None = None) -> Any:
    """Take `true` for "yes", and a code such as `3` for "3", as the table spells them."""
    if isinstance(value, bool) and spellings and str(value).lower() not in spellings:
        return next((s for s in spellings if (s.casefold() in POSITIVE_NAMES) == value), str(value))
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a finite value is expected")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _examples(column: Column) -> list[Any]:
    if column.kind in NUMERIC and column.minimum is not None and column.maximum is not None:
        middle = (column.minimum + column.maximum) / 2
        return [round(middle) if column.kind == "integer" else round(middle, 3)]
    return list(column.categories or ())
