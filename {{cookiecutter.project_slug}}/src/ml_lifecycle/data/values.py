"""One value has one spelling inside, whichever way it came: text, typed Parquet or JSON.

In: values of any type, and the column of the contract that says what they mean. Out: text in that
one spelling. `1`, `1.0`, `"1"` and `"1.0"` are one code; `true`, `"True"` and `1` are one yes.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from .contract import NUMERIC, PLAIN, TRUTHS, Column

# What people write for "no value" in a column of numbers or dates, where no word belongs.
MISSING = ("?", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NaT", "NULL", "null", "None")
# Letters of scripts that put no blanks between words (Thai, Lao, kana, Chinese), and pictures.
UNSPACED = (
    r"\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\u2600-\u27bf"
    r"\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
# A word of a text: a letter of a script without blanks, or what stands between other signs.
WORD = rf"[{UNSPACED}]|[^\W{UNSPACED}]+"
MANY = 1000
EXACT = 2.0**53  # whole numbers up to it are exact in 64 bits


def spell(value: Any) -> str | None:
    """Return one value as text without blanks around it, None if there is none.

    Numbers carry no needless `.0`, booleans are `true` and `false`, moments are ISO 8601.
    """
    if isinstance(value, str):
        return value.strip() or None
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        number = float(value)
        return str(int(number)) if abs(number) < EXACT and number.is_integer() else str(number)
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return value.isoformat() if isinstance(value, date) else plain(str(value))


def plain(text: str) -> str:
    """Return a plain number as it is written shortest, `1.50` as `1.5`; other text as it is."""
    if not PLAIN.fullmatch(text):
        return text
    short = format(Decimal(text), "f")  # not by way of a float: 2**53 + 1 is a code too
    short = short.rstrip("0").rstrip(".") if "." in short else short
    return "0" if short == "-0" else short


def reader(column: Column) -> Callable[[Any], str | None]:
    """Return what reads one value of a column of words: as the contract writes it, None if missing.

    Codes are compared as numbers and booleans by what they say, so that it does not matter how they
    are written; a value that the contract does not list stays as it is.
    """
    gone, numeric = absent(column), column.numeric
    words = {TRUTHS.get(word.casefold()): word for word in column.categories or ()}
    boolean = column.kind == "boolean" and None not in words

    def read(value: Any) -> str | None:
        text = spell(value)
        if text is None or text in gone:
            return None
        if boolean:
            said = TRUTHS.get(plain(text).casefold())
            return text if said is None else words.get(said, text)
        return plain(text) if numeric else text

    return read


def absent(column: Column) -> tuple[str, ...]:
    """Return the words that mean "no value" in a column, besides an empty field."""
    if column.missing is not None:
        return column.missing
    return MISSING if column.kind in (*NUMERIC, "date") else ()


def spelled(values: pd.Series) -> pd.Series:
    """Return `values` of any dtype as text (object), NaN where there is none."""
    return values.astype(object) if _is_text(values) else _each(values, spell)


def words(values: pd.Series, column: Column) -> pd.Series:
    """Return `values` of any dtype as the contract writes them in `column`, NaN where missing."""
    return _each(values, reader(column))


def known(values: pd.Series, column: Column) -> pd.Series:
    """Return `values` as they came, but NaN where they are empty or a word for "no value"."""
    gone = absent(column)
    if _is_text(values):
        return values.mask(values.isin(gone)) if gone else values
    if values.dtype != object:
        return values
    text = spelled(values)
    return values.where(text.notna() & ~text.isin(gone), np.nan)


def by_spelling(values: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Return `change` of values; of many, each different one is changed once, and rows share it."""
    if len(values) <= MANY or (
        # Where True, 1 and 1.0 would be one key.
        values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) != "string"
    ):
        return change(values)
    codes, distinct = pd.factorize(values)
    changed = change(pd.Series(distinct)).reindex(codes)
    return changed.set_axis(values.index).rename(values.name)


def _each(values: pd.Series, change: Callable[[Any], str | None]) -> pd.Series:
    def read(some: pd.Series) -> pd.Series:
        return pd.Series([*map(change, some)], some.index, dtype=object, name=some.name)

    return by_spelling(values, read).fillna(np.nan)


def _is_text(values: pd.Series) -> bool:
    """Tell if `values` came as text: without blanks around it, and NaN where it is empty."""
    return isinstance(values.dtype, pd.StringDtype)
