"""A first contract from a table: every column's kind, format, range and role, with the reason.

In: a table. Out: a `Contract`. What a person has to look at is found in findings.py. The order of
the questions matters: two words before numbers, numbers before dates, dates before the rest.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from ..tables.read import Table
from .contract import BOOLEANS, NAMED, NUMERIC, PLAIN, TRUTHS, Column, Contract, Kind
from .rows import SIGNS, convert, moments, numbers
from .settings import DataSettings
from .values import MISSING, UNSPACED, known, plain, spelled

ID_NAME = re.compile(r"(^|[_ ])id$|Id$|ID$")
DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%y", "%m/%d/%y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
DATES = ("ISO8601", *("".join(parts) for parts in product(DAYS, CLOCKS)))
COMPACT = "%Y%m%d"
MOSTLY = 0.95  # of the values must fit; the rest is then named as wrong
WORD = rf"[{UNSPACED}]|[^\s{UNSPACED}]+"
CODES = 24  # whole numbers with at most so many values may be codes
LISTED = 50  # categories written into the contract; beyond, any value is allowed
HEAD = 200  # spellings that are tried before all of them are
RARE = 0.01  # of the rows: what is seldomer says nothing about how values are written
SOME = 0.2  # of the rows: a word that is commoner is hardly odd

Guess = tuple[Kind, str, str]


def infer_contract(table: Table, data: DataSettings) -> Contract:
    """Return the contract that the table suggests, with the roles that project.toml gives."""
    summary = {"source": table.name, "sha256": table.sha256, "rows": len(table.frame)}
    columns = [_column(values, data, table.typed) for _, values in table.frame.items()]
    return Contract(table=summary, columns=tuple(columns)).assign_roles(data)


def _column(values: pd.Series, data: DataSettings, typed: bool) -> Column:
    """Return what one column suggests; typed: it has real nulls, so no word stands for one."""
    name = str(values.name)
    role = "target" if name == data.target else "time" if name == data.time else "feature"
    every = values.value_counts()
    every = every.groupby(spelled(every.index.to_series()), sort=False).sum()
    every = every.sort_values(ascending=False, kind="stable")  # rows by spelling
    spoken = sorted(set(every.index) & set(MISSING))
    missing = _missing(every, spoken, data, strict=typed or role == "target")
    counts = every.drop(list(spoken if missing is None else missing), errors="ignore")
    if counts.empty:
        return Column(name=name, kind="category", role="ignored", nullable=True, note="empty")
    kind, form, why = kind_of(counts, role, name in data.keep)
    column = Column(name=name, kind=kind, format=form, note=why, missing=missing)
    present = known(values, column).dropna()
    column = column.replace(nullable=len(present) < len(values))
    if kind in NUMERIC:
        found = convert(present, column)
        column = column.replace(minimum=float(found.min()), maximum=float(found.max()))
    elif kind in NAMED:
        column = column.replace(**_listed(kind, counts))
    return _set_aside(column, present, len(counts))


def _missing(
    every: pd.Series, spoken: list[str], data: DataSettings, strict: bool
) -> tuple[str, ...] | None:
    """Return the words that stand for "no value", None if there are none but those of the kind.

    spoken: the words of `every` that may; strict: in the target, and where nulls are real, a word
    is a value unless a person says so. Among words, one stands for it if yes and no are all else,
    or if it is rare and shorter.
    """
    if data.missing != "auto":
        return data.missing
    others = every.drop(spoken)
    if not spoken or strict or others.empty:
        return () if spoken and strict else None
    kind = kind_of(others, "")[0]
    if kind in (*NUMERIC, "date"):
        return None
    shortest = others[others >= RARE * others.sum()].index.str.len().min()
    odd = (w for w in spoken if every[w] < SOME * every.sum() and len(w) < shortest)
    return tuple(spoken if kind == "boolean" else odd)


def _listed(kind: Kind, counts: pd.Series) -> dict[str, object]:
    """Return the categories, each in its commonest spelling, if they are few."""
    words = list(dict.fromkeys(map(plain, counts.index)))
    if kind == "boolean":
        rows = counts.groupby([plain(text).casefold() for text in counts.index]).sum()
        yes, no = max(BOOLEANS, key=lambda pair: rows.reindex(pair, fill_value=0).min())
        spelling = {word.casefold(): word for word in reversed(words)}
        return {"categories": (spelling[no], spelling[yes])}
    numeric = all(map(PLAIN.fullmatch, counts.index))
    if len(words) > LISTED:
        return {"format": "number"} if numeric else {}
    return {"categories": tuple(sorted(words, key=float if numeric else str))}


def _set_aside(column: Column, present: pd.Series, distinct: int) -> Column:
    """Give ids, row numbers and constants a role in which they are no feature, with the reason."""
    if distinct == 1:
        return column.replace(role="ignored", note="constant")
    unique = column.kind == "integer" and distinct == len(present) >= 50
    steps = np.diff(convert(present, column)) if unique else np.zeros(1)
    if (steps == 1).all():
        return column.replace(kind="id", role="id", note="a row number")
    if column.kind == "id" or (steps > 0).all() or (unique and ID_NAME.search(column.name)):
        return column.replace(kind="id", role="id", note="a value of its own in each row")
    return column


def kind_of(counts: pd.Series, role: str, as_it_is: bool = False) -> Guess:
    """Return the kind, the format (see `numbers`, or a date pattern) and the reason, maybe "".

    counts: rows by spelling, the commonest first. as_it_is: never call a value wrong.
    """
    texts = counts.index
    if role == "time":
        return _time(counts)
    said = {plain(text).casefold() for text in texts[:20]}
    if len(texts) <= 20 and said <= set(TRUTHS) and any(said >= set(pair) for pair in BOOLEANS):
        return "boolean", "", ""
    lengths, zeros = texts.str.len(), texts.str.startswith("0")
    if lengths.nunique() == 1 < lengths[0] and zeros.any() and texts.str.isdigit().all():
        return _words(counts, "digits with leading zeros: codes")
    enough = 1 - 1e-9 if as_it_is else MOSTLY
    sign = next((sign for sign in SIGNS if sign in texts[0]), "")
    for form in (f".{sign}", f",{sign}") if sign else ("", ".", ","):
        found, share = _read(counts, partial(numbers, form=form), least=0.5)
        if share > enough or (share > 0.5 and not as_it_is and found.nunique() > LISTED):
            return _number(counts, found, role, form)
    if date := _date(counts, DATES, enough):
        return "date", date, ""
    return _words(counts)


def _read(
    counts: pd.Series, read: Callable[[pd.Series], pd.Series], least: float
) -> tuple[pd.Series, float]:
    """Return spellings as typed values, and the share of rows; none if few of the first 200 fit."""
    texts = pd.Series(counts.index, counts.index, dtype="str")
    if read(texts[:HEAD]).notna().mean() <= least:
        return pd.Series(np.nan, counts.index), 0.0
    found = read(texts)
    return found, counts[found.notna()].sum() / counts.sum()


def _number(counts: pd.Series, found: pd.Series, role: str, form: str) -> Guess:
    """Tell codes (few whole numbers, none of them rare) from counts (with a thin tail)."""
    sign = f"with {form[1:]} left out" if form[1:] else ""
    why = ", ".join(filter(None, ["decimal commas" if form[:1] == "," else "", sign]))
    if (found % 1 > 0).any() or sign:
        return "number", form, why
    whole = counts.groupby(found).sum()
    rows, values = whole.sum(), len(whole)
    close = whole.index.max() - whole.index.min() < 2 * CODES
    common = whole.min() >= 0.01 * rows and rows >= 50 * values
    codes = 2 < values <= CODES and close and common
    if role == "target":
        codes = values <= 10 and values < 0.05 * rows
    if codes:
        return "category", "", f"whole numbers with {values} values: codes"
    return "integer", form, why


def _date(counts: pd.Series, patterns: tuple[str, ...], enough: float) -> str:
    """Return the pattern that most dates are written in, if dates they are, in one way or more."""
    example = counts.index[0]
    if not 6 <= len(example) <= 35 or not any(map(str.isdigit, example)):
        return ""
    fits = pd.DataFrame(
        {form: _read(counts, partial(moments, form=form), 0.05)[0].notna() for form in patterns}
    )
    rows = fits.mul(counts, axis=0).sum()
    return rows.idxmax() if counts[fits.any(axis=1)].sum() > enough * counts.sum() else ""


def _time(counts: pd.Series) -> Guess:
    if date := _date(counts, (COMPACT,), 1 - 1e-9) or _date(counts, DATES, MOSTLY):
        return "date", date, ""
    _, share = _read(counts, numbers, MOSTLY)
    return "number" if share == 1 else "category", "", ""


def _words(counts: pd.Series, why: str = "") -> Guess:
    words = (counts.index.str.count(WORD) * counts).sum() / counts.sum()
    if len(counts) > MOSTLY * counts.sum() and counts.sum() >= 50:
        return ("text" if words >= 3 else "id"), "", why
    return ("text" if words >= 5 and len(counts) > LISTED else "category"), "", why
