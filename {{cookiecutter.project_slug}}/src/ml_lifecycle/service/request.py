"""The request type, made from the contract: what a row over HTTP must look like.

In: the contract of the release that serves, and the limits of [service]. Out: a pydantic type.
Kinds and missing values are enforced; unknown categories and odd ranges are answered with a
warning, since they are news. A value means what it means in a table, however JSON spells it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic import create_model as make_model

from ..data.contract import NUMERIC, PLAIN, TRUTHS, Column, Contract
from ..data.rows import dates
from ..data.values import EXACT, absent, reader, spell
from .settings import ServiceSettings

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")  # as in tables


def rows_type(contract: Contract, service: ServiceSettings) -> type[BaseModel]:
    """Return the type of `{"rows": [{column: value, ...}, ...]}` for this contract."""
    row = row_type(contract, service)
    few = Field(min_length=1, max_length=service.max_rows)
    rows: Any = (list[row], few)  # type: ignore[valid-type]
    return make_model("Rows", __config__=ConfigDict(extra="forbid"), rows=rows)


def row_type(contract: Contract, service: ServiceSettings) -> type[BaseModel]:
    """Return the type of one row. Only features are demanded; time and ids may come along."""
    fields: dict[str, Any] = {}
    for place, column in enumerate(contract.columns):
        if column.role != "target":
            fields[f"column_{place}"] = _field(column, service)
    config = ConfigDict(extra="forbid", allow_inf_nan=False, title="Row", serialize_by_alias=True)
    return make_model("Row", __config__=config, **fields)


def _field(column: Column, service: ServiceSettings) -> tuple[Any, Any]:
    about: dict[str, Any] = {
        "alias": column.name,
        "title": column.name,
        "description": column.note or column.kind,
    }
    if examples := _examples(column):
        about["examples"] = examples
    if column.role in ("ignored", "id"):
        # Taken, so that a whole row of the table may be sent, and dropped at once.
        return str | float | bool | None, Field(None, exclude=True, **about)
    kind, read = _type(column, service), BeforeValidator(value_reader(column))
    if column.nullable or column.role != "feature":
        return Annotated[kind | None, read], Field(None, **about)
    return Annotated[kind, read], Field(..., **about)


def _type(column: Column, service: ServiceSettings) -> Any:
    if column.kind in NUMERIC:
        whole = 1 if column.kind == "integer" else None
        largest = service.max_number
        return Annotated[float, Strict(), Field(ge=-largest, le=largest, multiple_of=whole)]
    if column.kind == "date":
        return datetime
    return Annotated[str, Field(max_length=service.max_text_length)]


def value_reader(column: Column) -> Callable[[Any], Any]:
    """Return what makes of a JSON value that which the same value in a table would mean.

    `3.0` is "3" where that is the code, `true` is "yes" where that is the word, a moment with an
    offset is one in UTC. What makes no sense is returned as it is, or raises `ValueError`.
    """
    if column.kind in NUMERIC:
        return lambda value: _number(value, column)
    if column.kind == "date":
        return lambda value: _moment(value, column)
    read = reader(column)

    def word(value: Any) -> Any:
        if isinstance(value, float) and not isfinite(value):
            raise ValueError("a finite value is expected")
        return read(value) if isinstance(value, str | int | float) else value

    return word


def _number(value: Any, column: Column) -> Any:
    if not isinstance(value, str):
        return value
    text = spell(value)
    if text is None or text in absent(column):
        return None
    return float(text) if NUMBER.fullmatch(text) else value


def _moment(value: Any, column: Column) -> datetime | None:
    """Read ISO 8601, else the way in which the table writes its dates."""
    if value is None or (isinstance(value, str) and spell(value) in (None, *absent(column))):
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("a date is expected, as text in ISO 8601")
    text = str(value).strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        moment = dates(pd.Series([text], dtype=object), column)[0]
        if moment is pd.NaT:
            ways = (
                "ISO 8601" if column.format in ("", "ISO8601") else f"ISO 8601 or {column.format}"
            )
            raise ValueError(f"a date is expected, written in {ways}") from None
        found = moment.to_pydatetime()
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _examples(column: Column) -> list[Any]:
    if column.kind in NUMERIC and column.minimum is not None and column.maximum is not None:
        middle = (column.minimum + column.maximum) / 2
        return [round(middle) if column.kind == "integer" else round(middle, 3)]
    return list(column.categories or ())


def spellings(row: Mapping[str, Any], contract: Contract) -> Iterator[dict[str, Any]]:
    """Yield a row in the ways that JSON can spell it: as it is, typed, and all as text.

    row: JSON values by column, as `rows_of` returns them. Typed: codes as numbers with a fraction
    of nothing, yes and no as booleans.
    """
    columns = {column.name: column for column in contract.columns}
    yield dict(row)
    yield {name: _typed(value, columns[name]) for name, value in row.items()}
    yield {name: value if value is None else str(value) for name, value in row.items()}


def _typed(value: Any, column: Column) -> Any:
    if isinstance(value, str) and column.kind == "boolean":
        return TRUTHS.get(value.casefold(), value)
    code = isinstance(value, str) and column.numeric and PLAIN.fullmatch(value)
    return float(value) if code and abs(float(value)) < EXACT else value
