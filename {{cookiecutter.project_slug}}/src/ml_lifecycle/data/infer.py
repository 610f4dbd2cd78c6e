"""A first contract from a table: every column's kind, format, range and role, with the reason.

In: a table. Out: a `Contract`. What a person has to look at is found in findings.py. The order of
the questions matters: two words before numbers, numbers before dates, dates before the rest.
"""

import re
from itertools import product

import numpy as np
import pandas as pd

from ..settings import Data, Settings
from .contract import BOOLEANS, NAMED, NUMERIC, PLAIN, TRUTHS, Column, Contract, Kind
from .read import Table
from .rows import SIGNS, convert
from .values import MISSING, UNSPACED, known, plain, spelled

ID_NAME = re.compile(r"(^|[_ ])id$|Id$|ID$")
DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%y", "%m/%d/%y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
DATES = ("ISO8601", *("".join(parts) for parts in product(DAYS, CLOCKS)))
MOSTLY = 0.95  # of the values must fit; the rest is then named as wrong
WORD = rf"[{UNSPACED}]|[^\s{UNSPACED}]+"
CODES = 24  # whole numbers with at most so many values may be codes
LISTED = 50  # categories written into the contract; beyond, any value is allowed
HEAD = 200  # spellings that are tried before all of them are
RARE = 0.01  # of the rows: what is seldomer says nothing about how values are written
SOME = 0.2  # of the rows: a word that is commoner is hardly odd

Guess = tuple[Kind, str, str]


def infer(table: Table, settings: Settings) -> Contract:
    """Return the contract that the table suggests, with the roles that project.toml gives."""
    summary = {"source": table.name, "sha256": table.sha256, "rows": len(table.frame)}
    columns = tuple(
        _column(values, settings.data, table.typed) for _, values in table.frame.items()
    )
    return Contract(table=summary, columns=columns).assign_roles(settings.data)


def _column(values: pd.Series, data: Data, typed: bool) -> Column:
    """Return what one column suggests; typed: it has real nulls, so no word stands for one."""
    name = str(values.name)
    role = "target" if name == data.target else "time" if name == data.time else "feature"
    every = _counts(values)
    missing = _missing(every, data, strict=typed or role == "target")
    gone = _spoken(every) if missing is None else missing
    counts = every.drop([word for word in gone if word in every.index])
    if counts.empty:
        return Column(name=name, kind="category", role="ignored", nullable=True, note="empty")
    kind, form, why = kind_of(counts, role, name in data.keep)
    column = Column(name=name, kind=kind, format=form, note=why, missing=missing)
    present = known(values, column).dropna()
    column = column.replace(nullable=bool(len(present) < len(values)))
    if kind in NUMERIC:
        found = convert(present, column)
        column = column.replace(minimum=float(found.min()), maximum=float(found.max()))
    elif kind in NAMED:
        column = _listed(column, counts)
    return _set_aside(column, present, len(counts))


def _counts(values: pd.Series) -> pd.Series:
    """Return rows by spelling, the commonest first."""
    counts = values.value_counts()
    texts = pd.Index(spelled(counts.index.to_series()))
    if not texts.is_unique:
        counts = counts.set_axis(texts).groupby(level=0, sort=False).sum()
        return counts.sort_values(ascending=False, kind="stable")
    return counts.set_axis(texts)


def _spoken(counts: pd.Series) -> tuple[str, ...]:
    """Return the words among the spellings that may stand for "no value"."""
    return tuple(sorted(set(counts.index) & set(MISSING)))


def _missing(every: pd.Series, data: Data, strict: bool) -> tuple[str, ...] | None:
    """Return the words that stand for "no value", None if there are none but those of the kind.

    strict: in the target, and where nulls are real, a word is a value unless a person says so.
    Among words, one stands for it if yes and no are all else, or if it is rare and shorter.
    """
    spoken = _spoken(every)
    if data.missing != "auto":
        return data.missing
    if strict:
        return () if spoken else None
    others = every.drop(list(spoken))
    if not spoken or others.empty or (kind := kind_of(others, "")[0]) in (*NUMERIC, "date"):
        return None
    shortest = others[others >= RARE * others.sum()].index.str.len().min()
    odd = [w for w in spoken if every[w] < SOME * every.sum() and len(w) < shortest]
    return spoken if kind == "boolean" else tuple(odd)


def _listed(column: Column, counts: pd.Series) -> Column:
    """Return the column with its categories, each in its commonest spelling, if they are few."""
    if column.kind == "boolean":
        return column.replace(categories=_both(counts))
    numeric = all(map(PLAIN.fullmatch, counts.index))
    words = list({plain(word) for word in counts.index} if numeric else counts.index)
    if len(words) > LISTED:
        return column.replace(format="number") if numeric else column
    return column.replace(categories=tuple(sorted(words, key=float if numeric else str)))


def _both(counts: pd.Series) -> tuple[str, str]:
    """Return how no and yes are written most often, both of the commonest pair of words."""
    words = [plain(word) for word in counts.index]
    rows = pd.Series(counts.to_numpy(), [word.casefold() for word in words]).groupby(level=0).sum()
    yes, no = max(BOOLEANS, key=lambda pair: rows.reindex(list(pair), fill_value=0).min())
    found = {word: next((w for w in words if w.casefold() == word), word) for word in (no, yes)}
    return found[no], found[yes]


def _set_aside(column: Column, present: pd.Series, distinct: int) -> Column:
    """Give ids, row numbers and constants a role in which they are no feature, with the reason."""
    if distinct == 1:
        return column.replace(role="ignored", note="constant")
    unique = column.kind == "integer" and distinct == len(present) >= 50
    steps = np.diff(convert(present, column)) if unique else np.array([])
    if unique and (steps == 1).all():
        return column.replace(kind="id", role="id", note="a row number")
    if column.kind == "id" or (unique and ((steps > 0).all() or ID_NAME.search(column.name))):
        return column.replace(kind="id", role="id", note="a value of its own in each row")
    return column


def kind_of(counts: pd.Series, role: str, as_it_is: bool = False) -> Guess:
    """Return the kind, the format (see `numbers`, or a date pattern) and the reason, maybe "".

    counts: rows by spelling, the commonest first. as_it_is: never call a value wrong.
    """
    texts, rows = counts.index, counts.sum()
    if role == "time":
        return _time(counts)
    if _is_boolean(texts):
        return "boolean", "", ""
    if _are_codes(texts):
        return _words(counts, "digits with leading zeros: codes")
    enough = 1 - 1e-9 if as_it_is else MOSTLY
    for form in _forms(str(texts[0])):
        found = _read(counts, "number", form, least=0.5)
        share = counts[found.notna().to_numpy()].sum() / rows if len(found) else 0
        if share > enough or (share > 0.5 and not as_it_is and found.nunique() > LISTED):
            return _number(counts, found, role, form)
    if date := _date(counts, enough):
        return "date", date, ""
    return _words(counts)


def _is_boolean(texts: pd.Index) -> bool:
    """Tell if the values say yes or no and nothing else, in one way or more."""
    said = {plain(text).casefold() for text in texts[:20]}
    return len(texts) <= 20 and said <= set(TRUTHS) and any(said >= set(pair) for pair in BOOLEANS)


def _are_codes(texts: pd.Index) -> bool:
    """Tell if the values are digits of one length, and some begin with a zero."""
    zero = texts.str.startswith("0") & (texts.str.len() > 1)
    return bool(zero.any() and texts.str.isdigit().all() and texts.str.len().nunique() == 1)


def _forms(example: str) -> list[str]:
    """Return the ways to write numbers: plain, then by decimal mark and the sign they carry."""
    sign = next((sign for sign in SIGNS if sign in example), "")
    return [f".{sign}", f",{sign}"] if sign else ["", ".", ","]


def _read(counts: pd.Series, kind: Kind, form: str, least: float) -> pd.Series:
    """Return the spellings as typed values; nothing if few of the first 200 can be read."""
    column = Column(name="", kind=kind, format=form)
    head = convert(pd.Series(counts.index[:HEAD], dtype="str"), column)
    few = head.notna().mean() <= least
    return head[:0] if few else convert(pd.Series(counts.index, dtype="str"), column)


def _number(counts: pd.Series, found: pd.Series, role: str, form: str) -> Guess:
    """Tell codes (few whole numbers, none of them rare) from counts (with a thin tail)."""
    sign = f"with {form[1:]} left out" if form[1:] else ""
    why = ", ".join(filter(None, ["decimal commas" if form[:1] == "," else "", sign]))
    if (found % 1 > 0).any() or sign:
        return "number", form, why
    whole = pd.Series(counts.to_numpy(), index=found).groupby(level=0).sum()
    rows, values = whole.sum(), len(whole)
    if role == "target":
        codes = values <= 10 and values < 0.05 * rows
    else:
        close = whole.index.max() - whole.index.min() < 2 * CODES
        common = whole.min() >= 0.01 * rows and rows >= 50 * values
        codes = 2 < values <= CODES and close and common
    if codes:
        return "category", "", f"whole numbers with {values} values: codes"
    return "integer", form, why


def _date(counts: pd.Series, enough: float) -> str:
    """Return the pattern that most dates are written in, if dates they are, in one way or more."""
    example = str(counts.index[0])
    if not 6 <= len(example) <= 35 or not any(map(str.isdigit, example)):
        return ""
    iso = _read(counts, "date", DATES[0], least=0.05)
    if len(iso) and iso.notna().all():
        return DATES[0]
    read = {pattern: _read(counts, "date", pattern, least=0.05) for pattern in DATES}
    fits = {pattern: found.notna().to_numpy() for pattern, found in read.items() if len(found)}
    rows = {pattern: int(counts[marks].sum()) for pattern, marks in fits.items()}
    any_way = counts[np.logical_or.reduce([*fits.values()])].sum() if fits else 0
    return max(rows, key=rows.__getitem__) if any_way > enough * counts.sum() else ""


def _time(counts: pd.Series) -> Guess:
    compact = _read(counts, "date", "%Y%m%d", least=MOSTLY)
    if date := "%Y%m%d" if len(compact) and compact.notna().all() else _date(counts, MOSTLY):
        return "date", date, ""
    number = _read(counts, "number", "", least=MOSTLY)
    return "number" if len(number) and number.notna().all() else "category", "", ""


def _words(counts: pd.Series, why: str = "") -> Guess:
    words = (counts.index.str.count(WORD) * counts).sum() / counts.sum()
    if len(counts) > MOSTLY * counts.sum() and counts.sum() >= 50:
        return ("text" if words >= 3 else "id"), "", why
    return ("text" if words >= 5 and len(counts) > LISTED else "category"), "", why
