"""From raw rows, of a table or of JSON, to typed rows that keep the contract; and back to JSON.

In: raw rows. Out: a frame of float64 (numbers, integers), datetime64 (dates), object (str or NaN;
text has "" for missing); or an error that names column, row and value.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..settings import nearest
from .contract import NAMED, NUMERIC, USED, Column, Contract, Role
from .text import DataError
from .values import MANY, known, spelled, words

SHOWN = 5
SIGNS = ("%", "€", "$", "£", "¥", "₹", "₽", "₩", "₺", "₪", "EUR", "USD", "GBP", "CHF")
SPACES = "'’ \u00a0\u202f"
THOUSANDS = {".": f"[,{SPACES}]", ",": f"[.{SPACES}]"}


def apply(
    contract: Contract, raw: pd.DataFrame, name: str, roles: Sequence[Role] = USED
) -> pd.DataFrame:
    """Turn raw rows, (rows, columns) of text or typed, into typed rows without ignored columns.

    Raises:
        DataError: every broken rule in one list, with file, column, row (from 1) and value.

    """
    typed, broken = check(contract, raw, roles)
    if broken:
        raise DataError("\n".join([f"{name} breaks the contract:", *(f"  {b}" for b in broken)]))
    return typed


def check(
    contract: Contract, raw: pd.DataFrame, roles: Sequence[Role] = USED
) -> tuple[pd.DataFrame, list[str]]:
    """Return the typed rows, as `apply` does, and a sentence for each rule that rows break."""
    typed, broken = {}, []
    others = set(raw.columns) - {column.name for column in contract.columns}
    for column in contract.with_role(*roles):
        if column.name not in raw:
            hint = nearest(column.name, others)
            broken.append(f"column '{column.name}' is not there.{hint}")
            continue
        values = known(raw[column.name], column)
        typed[column.name] = convert(values, column)
        if column.kind == "date" and typed[column.name].isna().all():
            # A file may have ISO 8601 throughout, as JSON has, whatever the table had.
            typed[column.name] = convert(values, as_json(column))
        broken += violations(values, typed[column.name], column)
    return pd.DataFrame(typed, index=raw.index), broken


def present(contract: Contract, raw: pd.DataFrame) -> pd.DataFrame:
    """Return the raw columns that the contract knows, NaN where there is no value."""
    columns = [column for column in contract.columns if column.name in raw]
    return pd.DataFrame({c.name: known(raw[c.name], c) for c in columns}, index=raw.index)


def convert(values: pd.Series, column: Column) -> pd.Series:
    """Return raw `values` typed as the column's kind; what does not fit is missing."""
    if column.kind in NUMERIC:
        return _by_spelling(values, lambda texts: numbers(texts, column.format))
    if column.kind == "date":
        return _by_spelling(values, lambda texts: moments(texts, column.format))
    typed = words(values, column)
    return typed.fillna("") if column.kind == "text" else typed


def _by_spelling(values: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Return `change` of values; of many texts each spelling is read once, and rows share it."""
    if not pd.api.types.is_string_dtype(values) or len(values) <= MANY:
        return change(values)
    codes, texts = pd.factorize(values)
    typed = change(pd.Series(texts, dtype="str")).reindex(codes)
    return typed.set_axis(values.index).rename(values.name)


def moments(values: pd.Series, form: str = "") -> pd.Series:
    """Return datetime64[s] in UTC, of moments, or of text in the pattern `form` (or ISO 8601)."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        pattern = form or "ISO8601"
        found = pd.to_datetime(spelled(values), format=pattern, errors="coerce", utc=True)
        values = found.dt.tz_localize(None)
    return values.astype("datetime64[s]")


def numbers(values: pd.Series, form: str = "") -> pd.Series:
    """Return float64 of numbers, or of text with plain ones or with those written in `form`.

    form: the decimal mark, then the sign that stands at either end of each value, if any: "." reads
    `1,234.5`, "," reads `1.234,5`, ",€" reads `1 234,50 €`. What is not written so is missing.
    """
    if pd.api.types.is_numeric_dtype(values):
        found = pd.Series(values.to_numpy("float64", na_value=np.nan), values.index)
        return found.rename(values.name).replace([np.inf, -np.inf], np.nan)
    values = spelled(values)
    if form:
        mark, sign, marks = re.escape(form[0]), re.escape(form[1:]), THOUSANDS.get(form[0], " ")
        number = rf"(?:\d+|[1-9]\d?\d?(?P<group>{marks})\d\d\d(?:(?P=group)\d\d\d)*)"
        text, number = values.str, rf"([+-]?{number}(?:{mark}\d+)?)"
        if sign:
            bare = text.replace(rf"^([+-]?){sign}\s?|\s?{sign}$", r"\1", regex=True)
            text = bare.where(bare.str.len() < text.len()).str
        values = text.extract(f"^{number}$")[0]
        values = values.str.replace(marks, "", regex=True).str.replace(form[0], ".")
    found = pd.to_numeric(values, errors="coerce").astype("float64")
    return found.replace([np.inf, -np.inf], np.nan)


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
    return [_sentence(raw, bad, column.name, why) for bad, why in found if bad.any()]


def _sentence(raw: pd.Series, bad: pd.Series, name: str, why: str) -> str:
    shown = []
    for place, value in spelled(raw[bad].head(SHOWN)).fillna("").items():
        short = value if len(value) <= 40 else f"{value[:37]}..."
        shown.append(f"row {place + 1} {short!r}" if value else f"row {place + 1}")
    more = f" and {bad.sum() - SHOWN} more" if bad.sum() > SHOWN else ""
    return f"column '{name}' {why}: {', '.join(shown)}{more}"


def unseen_values(contract: Contract, typed: pd.DataFrame) -> dict[str, np.ndarray]:
    """Mark, by feature, the values that training never saw: new categories, out of range."""
    marks = {}
    for column in contract.with_role("feature"):
        values = typed[column.name]
        if column.kind in NAMED and column.categories:
            unseen = values.notna() & ~values.isin(column.categories)
        elif column.kind in NUMERIC and column.minimum is not None:
            unseen = (values < column.minimum) | (values > column.maximum)
        else:
            continue
        if unseen.any():
            marks[column.name] = unseen.to_numpy(dtype=bool)
    return marks


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
