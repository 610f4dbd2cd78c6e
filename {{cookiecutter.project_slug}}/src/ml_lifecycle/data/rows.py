"""From raw rows, of a table or of JSON, to typed rows that keep the contract; and back to JSON.

In: raw rows. Out: a frame of float64 (numbers, integers), datetime64 (dates), object (str or NaN;
text has "" for missing); or an error that names column, row and value.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataError
from ..settings import nearest
from .contract import NAMED, NUMERIC, USED, Column, Contract, Role
from .values import by_spelling, known, spelled, words

SHOWN = 5
NUMBERS = ("integer", "floating", "mixed-integer-float")  # of pandas.api.types.infer_dtype
SIGNS = ("%", "€", "$", "£", "¥", "₹", "₽", "₩", "₺", "₪", "EUR", "USD", "GBP", "CHF")
SPACES = "'’ \u00a0\u202f"
THOUSANDS = {".": f"[,{SPACES}]", ",": f"[.{SPACES}]"}


def validate(
    contract: Contract, raw: pd.DataFrame, name: str, roles: Sequence[Role] = USED
) -> pd.DataFrame:
    """Turn raw rows, (rows, columns) of text or typed, into typed rows without ignored columns.

    Raises:
        DataError: every broken rule in one list, with file, column, row (from 1) and value.

    """
    typed, broken = violations_of(contract, raw, roles)
    if broken:
        raise DataError("\n".join([f"{name} breaks the contract:", *(f"  {b}" for b in broken)]))
    return typed


def violations_of(
    contract: Contract, raw: pd.DataFrame, roles: Sequence[Role] = USED
) -> tuple[pd.DataFrame, list[str]]:
    """Return the typed rows, as `validate` does, and a sentence for each rule that rows break."""
    typed, broken = {}, []
    others = set(raw.columns) - {column.name for column in contract.columns}
    for column in contract.with_role(*roles):
        if column.name not in raw:
            broken.append(f"column '{column.name}' is not there.{nearest(column.name, others)}")
            continue
        values = known(raw[column.name], column)
        typed[column.name] = convert(values, column)
        broken += violations(values, typed[column.name], column)
    return pd.DataFrame(typed, index=raw.index), broken


def present(contract: Contract, raw: pd.DataFrame) -> pd.DataFrame:
    """Return the raw columns that the contract knows, NaN where there is no value."""
    columns = [column for column in contract.columns if column.name in raw]
    return pd.DataFrame({c.name: known(raw[c.name], c) for c in columns}, index=raw.index)


def convert(values: pd.Series, column: Column) -> pd.Series:
    """Return raw `values` typed as the column's kind; what does not fit is missing."""
    if column.kind in NUMERIC:
        return numbers(values, column.format)
    if column.kind == "date":
        return dates(values, column)
    typed = words(values, column)
    return typed.fillna("") if column.kind == "text" else typed


def dates(values: pd.Series, column: Column) -> pd.Series:
    """Return `moments` as the column writes them, or in ISO 8601 if none is written so."""
    found = moments(values, column.format)
    # A file may have ISO 8601 throughout, as JSON has, whatever the table had.
    return moments(values) if column.format and found.isna().all() else found


def moments(values: pd.Series, form: str = "") -> pd.Series:
    """Return datetime64[s] in UTC, of moments, or of text in the pattern `form` (or ISO 8601)."""

    def read(texts: pd.Series) -> pd.Series:
        found = pd.to_datetime(spelled(texts), format=form or "ISO8601", errors="coerce", utc=True)
        return found.dt.tz_localize(None)

    dated = pd.api.types.is_datetime64_any_dtype(values)
    return (values if dated else by_spelling(values, read)).astype("datetime64[s]")


def numbers(values: pd.Series, form: str = "") -> pd.Series:
    """Return float64 of numbers, or of text with plain ones or with those written in `form`.

    form: the decimal mark, then the sign that stands at either end of each value, if any: "." reads
    `1,234.5`, "," reads `1.234,5`, ",€" reads `1 234,50 €`. What is not written so is missing.
    """
    if pd.api.types.is_numeric_dtype(values):
        found = pd.Series(values.to_numpy("float64", na_value=np.nan), values.index)
        found = found.rename(values.name)
    else:
        found = None
        if not form and pd.api.types.infer_dtype(values, skipna=True) in NUMBERS:
            with suppress(OverflowError):  # whole numbers have no end in JSON
                found = pd.to_numeric(values).astype("float64")
        if found is None:
            found = by_spelling(values, lambda texts: _read(spelled(texts), form))
    return found.replace([np.inf, -np.inf], np.nan)


def _read(texts: pd.Series, form: str) -> pd.Series:
    if form:
        mark, sign, marks = re.escape(form[0]), re.escape(form[1:]), THOUSANDS.get(form[0], " ")
        number = rf"(?:\d+|[1-9]\d?\d?(?P<group>{marks})\d\d\d(?:(?P=group)\d\d\d)*)"
        text, number = texts.str, rf"([+-]?{number}(?:{mark}\d+)?)"
        if sign:
            bare = text.replace(rf"^([+-]?){sign}\s?|\s?{sign}$", r"\1", regex=True)
            text = bare.where(bare.str.len() < text.len()).str
        texts = text.extract(f"^{number}$")[0]
        texts = texts.str.replace(marks, "", regex=True).str.replace(form[0], ".")
    return pd.to_numeric(texts, errors="coerce").astype("float64")


def violations(raw: pd.Series, typed: pd.Series, column: Column) -> list[str]:
    """Return one sentence for each rule of `column` that some row breaks."""
    found = []
    if column.kind in (*NUMERIC, "date"):
        found.append((raw.notna() & typed.isna(), f"is no {column.kind}"))
    if column.kind == "integer":
        found.append((typed.notna() & (typed % 1 != 0), "is no whole number"))
    if column.role in ("target", "time", "group"):
        found.append((raw.isna(), f"is the {column.role} of a row, and missing"))
    elif not column.nullable:
        found.append((raw.isna(), "is missing, and the contract says nullable: false"))
    if column.role == "target" and column.categories:
        found.append((raw.notna() & ~typed.isin(column.categories), "is not a known class"))
    return [f"column '{column.name}' {why}: {_places(raw[bad])}" for bad, why in found if bad.any()]


def _places(raw: pd.Series) -> str:
    """Say in which rows the values stand, and what the first of them are."""
    shown = []
    for place, value in spelled(raw.head(SHOWN)).fillna("").items():
        short = value if len(value) <= 40 else f"{value[:37]}..."
        shown.append(f"row {place + 1} {short!r}" if value else f"row {place + 1}")
    more = f" and {len(raw) - SHOWN} more" if len(raw) > SHOWN else ""
    return ", ".join(shown) + more


def unseen_values(contract: Contract, typed: pd.DataFrame) -> dict[str, np.ndarray]:
    """Mark, by feature, the values that training never saw: new categories, out of range."""
    marks = {}
    for column in contract.with_role("feature"):
        values = typed[column.name]
        if column.kind in NAMED and column.categories:
            marks[column.name] = values.notna() & ~values.isin(column.categories)
        elif column.kind in NUMERIC and column.minimum is not None:
            marks[column.name] = (values < column.minimum) | (values > column.maximum)
    return {name: mark.to_numpy(dtype=bool) for name, mark in marks.items() if mark.any()}


def to_frame(
    contract: Contract, rows: Sequence[Mapping[str, Any]], roles: Sequence[Role] = ("feature",)
) -> pd.DataFrame:
    """Turn rows of a request (JSON values by column) into typed rows (the features)."""
    typed = {}
    for column in contract.with_role(*roles):
        values = pd.Series([row.get(column.name) for row in rows], dtype=object)
        typed[column.name] = convert(values, as_json(column))
    return pd.DataFrame(typed)


def as_json(column: Column) -> Column:
    """Return a column as JSON writes it: numbers and dates in one way, whatever the table's was."""
    return column.replace(format="") if column.kind in (*NUMERIC, "date") else column


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return typed rows as JSON values: None for missing, ISO 8601 for dates."""
    table = frame.astype(object)
    for name in frame.select_dtypes("datetime"):
        table[name] = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S").astype(object)
    return table.where(table.notna(), None).to_dict(orient="records")
