"""What a person has to look at before a table is used: each check with its findings.

In: a `TableView`. Out: findings. `blocking` ones must be answered by an edit of project.toml; the
others are worth a look. Each names its column and the way out. Which are made is the project's.
"""

import re
from collections.abc import Iterator, Mapping

import pandas as pd

from ..words import counted
from .calendar import about_time
from .contract import NUMERIC, TRUTHS, Column, Contract
from .finding import Finding, TableView
from .leaks import FEW
from .limits import beyond
from .rows import convert
from .sensitive import SensitiveWords, may_be_sensitive
from .split import FINER, Split
from .values import MISSING, absent

ENOUGH = 50  # test rows of a group, to say anything about it
ALMOST_ALL = 0.995
MANY = 0.05  # of the rows: too many to leave out of what is served


def missing_words(view: TableView) -> Iterator[Finding]:
    """Say of each word for "no value" how it is read, and what to do if that is wrong."""
    unsaid = view.data.missing == "auto"
    for column in view.contract.columns:
        yield from _about_words(view.raw[column.name], column, unsaid)


def _about_words(values: pd.Series, column: Column, unsaid: bool) -> Iterator[Finding]:
    """Where no person said, a word beside yes and no in the target blocks, as among numbers."""
    if column.role == "ignored" or pd.api.types.is_numeric_dtype(values):
        return
    counts, gone = values.value_counts(), absent(column)
    others = {str(value).casefold() for value in counts.index.difference([*MISSING])}
    asked = unsaid and column.role == "target" and others <= set(TRUTHS) and len(others) > 1
    for word in (word for word in dict.fromkeys((*MISSING, *gone)) if word in counts.index):
        rows = f"{word!r} in {counted(counts[word], 'row')}"
        if word in gone:
            way_out = "`missing` in project.toml or contract.yaml overrules it"
            yield Finding(column.name, f"{rows} is read as missing; {way_out}")
        else:
            text = f"{rows} is taken for a value; if it means that there is none, say so:"
            say = f"missing = [{word!r}] under [data], or missing = [] if it is one"
            blocking = asked or column.kind in (*NUMERIC, "date")
            yield Finding(column.name, f"{text} {say}", blocking)


def header(view: TableView) -> Iterator[Finding]:
    """Ask if the names could be a row: numbers over numbers, a category over the same category."""
    frame, contract, data, alike = view.frame, view.contract, view.data, []
    for column in contract.columns:
        values, name = frame[column.name], re.sub(r"_\d+$", "", column.name)
        if column.kind in (*NUMERIC, "date"):
            fits = convert(pd.Series([name], dtype=object), column).notna().all()
        else:
            fits = values.head(1000).eq(name).any()
        alike += [column.name] if fits and column.name not in data.keep else []
    if data.header and len(alike) > len(contract.columns) / 2:
        text = f"the first line looks like a row of data ({', '.join(alike[:5])})"
        way_out = "Set `header = false` in project.toml if it is, or add these names to `keep`"
        yield Finding("(header)", f"{text}. {way_out}", blocking=True)


def columns(view: TableView) -> Iterator[Finding]:
    """Say of each feature if it could be read in two ways, or hardly varies; and of the time."""
    for column in view.contract.columns:
        values = view.frame[column.name]
        if column.role == "time" and column.kind not in ("date", *NUMERIC):
            example = next(iter(values.dropna()), "")
            text = f"is the time column, but {example!r} is no date: choose another"
            yield Finding(column.name, text, blocking=True)
        counts = values.value_counts()
        if column.role != "feature" or counts.empty:
            continue
        texts = view.distinct(column)
        if pd.api.types.is_string_dtype(values) and (doubt := _two_ways(texts, column)):
            yield Finding(column.name, doubt)
        if (share := counts.iloc[0] / counts.sum()) >= ALMOST_ALL:
            yield Finding(column.name, f"is {texts[0][:40]!r} in {share:.2%} of its values")


def sensitive(view: TableView, told: SensitiveWords) -> Iterator[Finding]:
    """Say which features may be about what nobody should be judged by; told: what names tell it."""
    for column in view.contract.with_role("feature"):
        texts = view.distinct(column)
        values = texts if len(texts) == 2 else ()
        if may_be_sensitive(column.name, values, told, view.data.sensitive_names):
            way_out = "add it to `sensitive` to leave it out of the model and watch its groups"
            yield Finding(column.name, f"may be sensitive; {way_out}")


def personal(
    view: TableView, names: re.Pattern[str], patterns: Mapping[str, str]
) -> Iterator[Finding]:
    """Say which features look like personal data, by name or by what most of their values are."""
    for column in view.contract.with_role("feature"):
        texts = view.distinct(column)
        what = [name for name, pattern in patterns.items() if len(texts) and mostly(texts, pattern)]
        if len(texts) and (what or names.search(column.name)):
            seen = f" ({what[0]})" if what else ""
            text = f"looks like personal data{seen}; add it to `ignore` if it is"
            yield Finding(column.name, text)


def follows_time(view: TableView) -> Iterator[Finding]:
    """Say which features follow the time, and what that means."""
    yield from about_time(view.followers, view.contract)


def rows(view: TableView) -> Iterator[Finding]:
    """Say why each column is set aside if none is left to learn from, and if rows are few."""
    frame, contract = view.frame, view.contract
    if not contract.features:
        why = [f"'{c.name}' ({c.note or c.role})" for c in contract.columns if c.role != "target"]
        said = f"no feature is left; set aside are {', '.join(why)}"
        yield Finding("(columns)", f"{said}. Bring more columns, or `keep` one", blocking=True)
    if copies := int(frame.duplicated().sum()):
        yield Finding("(rows)", f"exact copies of an earlier row: {copies}")
    if len(frame) < 200:
        yield Finding("(rows)", f"{len(frame)} rows are few: expect wide intervals")


def limits(view: TableView) -> Iterator[Finding]:
    """Yield what is beyond a limit; blocking where it is the target, or too much to be left out."""
    frame, contract, allowed = view.typed, view.contract, view.limits
    kinds = {column.name: column.kind for column in contract.columns}
    for name, mark in beyond(frame, contract, allowed).items():
        what = f"longer than max_text_length = {allowed.max_text_length:,}"
        if name == "(row)":
            what = f"larger than body_kilobytes = {allowed.body_kilobytes:,}"
        elif kinds[name] in NUMERIC:
            what = f"larger than max_number = {allowed.max_number:g}"
        rows = f"{mark.sum():,} of {len(mark):,} values are" if mark.sum() > 1 else "1 value is"
        text = f"{rows} {what} under [service], first in row {frame.index[mark.argmax()] + 1}"
        if name == contract.target.name or mark.mean() > MANY:
            yield Finding(name, f"{text}: mend the table, or raise the limit", blocking=True)
        else:
            yield Finding(name, f"{text}: the service refuses such a row, `predict` does not")


def mostly(texts: pd.Index, pattern: str, share: float = 0.5) -> bool:
    """Tell if more than a share fits; if none of the first twenty does, no more are asked."""
    if not any(re.fullmatch(pattern, text) for text in texts[:20]):
        return False
    return bool(texts.str.fullmatch(pattern).mean() > share)


def _two_ways(texts: pd.Index, column: Column) -> str:
    """Say how else the values could be read, if in a second way all of them fit."""
    form = column.format
    if column.kind == "date" and ("%d/%m" in form or "%m/%d" in form):
        other = form.translate(str.maketrans("dm", "md"))
        fits = convert(pd.Series(texts, dtype=object), column.replace(format=other)).notna().all()
        return f"is read as {form}, and {other} fits too: choose in contract.yaml" if fits else ""
    if column.kind in NUMERIC and form in ("", ".") and len(texts) >= FEW:
        mark = "," if form else r"\."
        grouped = rf"-?[1-9]\d?\d?({mark}\d\d\d)?"
        if mostly(texts, grouped, 1 - 1e-9) and texts.str.contains(mark).mean() > 0.5:
            example = next(value for value in texts if re.search(mark, value))
            value = convert(pd.Series([example]), column)[0]
            return f"{example} is read as {value:g}; else set its `format` in contract.yaml"
    return ""


def find_in_parts(frame: pd.DataFrame, contract: Contract, split: Split) -> Iterator[Finding]:
    """Yield what cannot be learnt or assessed on the rows that are for it. frame: typed rows."""
    learnt, test = contract.target, frame.iloc[split.test]
    for side, rows in (("test", split.test), ("training", split.train)):
        if gone := set(learnt.categories or ()) - set(frame[learnt.name].iloc[rows]):
            text = f"no row of the {side} part is of class {', '.join(map(repr, sorted(gone)))}"
            yield Finding(learnt.name, f"{text}: nothing will be known of it")
    for column in contract.with_role("group"):
        if test[column.name].nunique() < 2:
            text = "all test rows have one value: no interval can be told, and the gate holds"
            yield Finding(column.name, f"{text}; {FINER}")
    for column in contract.with_role("sensitive"):
        sizes = test[column.name].value_counts()
        many = column.kind in (*NUMERIC, "date") and len(sizes) > FEW
        if len(test) < 4 * ENOUGH if many else (sizes >= ENOUGH).sum() < 2:
            text = f"fewer than two groups have {ENOUGH} rows in the test part"
            yield Finding(column.name, f"{text}: fairness between them cannot be assessed")
