"""A first contract from a table, and what a person has to look at before it is used.

In: rows of text. Out: a `Contract` and findings. `blocking` findings must be answered by an edit
of project.toml; the others are worth a look. Every finding names its column and the way out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import WrongUse
from ..settings import Data, Settings
from .contract import NAMED, NUMERIC, Column, Contract
from .kinds import LISTED, kind_of
from .leaks import CERTAIN, find_leaks, find_sums
from .read import Table
from .rows import convert, numbers

FEW = 10
ID_NAME = re.compile(r"(^|[_ ])id$|Id$|ID$")
PERSONAL = re.compile(
    r"(first|last|sur|full|customer)_?name|e-?mail|phone(_?number)?$|address|birth|\biban\b|\bssn\b",
    re.IGNORECASE,
)
SENSITIVE = re.compile(
    r"gender|^sex$|race|ethnic|religion|nationality|disab|pregnan|senior|^age$|marital|orientation",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Finding:
    """Something about a column that a person should know; blocking: must decide on."""

    column: str
    text: str
    blocking: bool = False


def infer(table: Table, settings: Settings) -> tuple[Contract, list[Finding]]:
    """Return the contract that the table suggests, with everything doubtful about it."""
    frame, data = table.frame, settings.data
    summary = {"source": table.name, "sha256": table.sha256, "rows": len(frame)}
    columns = tuple(_column(frame[name], data) for name in frame.columns)
    contract = Contract(table=summary, columns=columns).with_roles(data)
    findings = [f for c in contract.columns for f in _doubts(frame[c.name], c, data)]
    findings += [*_about_target(frame, contract, settings), *_about_rows(frame)]
    if not any(f.blocking for f in findings):
        findings += _leaks(frame, contract, settings)
    return contract, findings


def _column(values: pd.Series, data: Data) -> Column:
    name = str(values.name)
    present = values.dropna()
    if present.empty:
        return Column(name=name, kind="category", role="ignored", nullable=True, note="empty")
    role = "target" if name == data.target else "time" if name == data.time else "feature"
    kind, pattern = kind_of(present, role)
    column = Column(name=name, kind=kind, nullable=len(present) < len(values), format=pattern)
    if kind in NUMERIC:
        typed = convert(present, column)
        column = column.but(minimum=float(typed.min()), maximum=float(typed.max()))
    elif kind in NAMED and present.nunique() <= LISTED:
        column = column.but(categories=tuple(sorted(present.unique())))
    return _set_aside(column, present)


def _set_aside(column: Column, present: pd.Series) -> Column:
    """Give ids, row numbers and constants a role in which they are no feature, with the reason."""
    distinct = present.nunique()
    if distinct == 1:
        return column.but(role="ignored", note="constant")
    unique = column.kind == "integer" and distinct == len(present) >= 50
    steps = np.diff(numbers(present, column.format).to_numpy()) if unique else np.array([])
    if unique and (steps == 1).all():
        return column.but(kind="id", role="id", note="a row number")
    if column.kind == "id" or (unique and ((steps > 0).all() or ID_NAME.search(column.name))):
        return column.but(kind="id", role="id", note="a value of its own in each row")
    return column


def _doubts(values: pd.Series, column: Column, data: Data) -> Iterator[Finding]:
    name = column.name
    if column.kind in (*NUMERIC, "date") and column.role != "ignored":
        bad = (values.notna() & convert(values, column).isna()).to_numpy()
        if bad.any():
            row = int(bad.argmax())
            yield Finding(
                name,
                f"{bad.sum()} values are no {column.kind}, the first in row {row + 1}: "
                f"{values.iloc[row][:40]!r}. Mend the table, or add the column to `ignore`",
                blocking=True,
            )
    if column.role in ("time", "group") and values.isna().any():
        row = int(values.isna().to_numpy().argmax()) + 1
        text = (
            f"is the {column.role} of a row, and missing in {values.isna().sum()}, first row {row}"
        )
        yield Finding(name, f"{text}. Mend the table, or choose another column", blocking=True)
    if column.role != "feature" or name in data.keep:
        return
    if PERSONAL.search(name):
        yield Finding(name, "looks like personal data; add it to `ignore` if it is")
    if SENSITIVE.search(name):
        way_out = "add it to `sensitive` to leave it out of the model and watch its groups"
        yield Finding(name, f"may be sensitive; {way_out}")


def _about_target(frame: pd.DataFrame, contract: Contract, settings: Settings) -> Iterator[Finding]:
    target = contract.target
    values = frame[target.name].dropna()
    counts = values.value_counts()
    if len(counts) < 2:
        yield Finding(target.name, "has one value only: nothing to learn", blocking=True)
        return
    if len(values) < len(frame):
        row = int(frame[target.name].isna().to_numpy().argmax()) + 1
        text = (
            f"is missing in {len(frame) - len(values)} rows, first in row {row}; they are left out"
        )
        yield Finding(target.name, text)
    if contract.task == "regression":
        return
    if target.kind not in NAMED or not target.categories:
        text = f"has {len(counts)} different values that are no numbers; choose another target"
        yield Finding(target.name, text, blocking=True)
        return
    positive = settings.data.positive
    if positive and positive not in counts.index:
        known = ", ".join(map(repr, counts.index))
        raise WrongUse(f"[data] positive: {positive!r} is no class of '{target.name}': {known}")
    if counts.min() < FEW:
        text = (
            f"class {counts.idxmin()!r} has fewer than {FEW} rows: its quality cannot be measured"
        )
        yield Finding(target.name, text)
    elif counts.min() < 0.05 * len(values):
        text = f"only {counts.min() / len(values):.1%} of the rows are of class {counts.idxmin()!r}"
        yield Finding(target.name, text)


def _about_rows(frame: pd.DataFrame) -> Iterator[Finding]:
    copies = int(frame.duplicated().sum())
    if copies:
        yield Finding("(rows)", f"exact copies of an earlier row: {copies}")
    if len(frame) < 200:
        yield Finding("(rows)", f"{len(frame)} rows are few: expect wide intervals")


def _leaks(frame: pd.DataFrame, contract: Contract, settings: Settings) -> Iterator[Finding]:
    columns = contract.named("feature", "target")
    typed = pd.DataFrame({c.name: convert(frame[c.name], c) for c in columns})
    typed = typed.dropna(subset=[contract.target.name]).reset_index(drop=True)
    way_out = "Add to `ignore` in project.toml what is not known when predicting; else to `keep`"
    for (first, second), sign in find_sums(typed, contract):
        if not {first, second} <= set(settings.data.keep):
            text = f"{first} {sign} {second} is exactly the target: a leak. {way_out}"
            yield Finding(f"{first} and {second}", text, blocking=True)
    for name, alone, rest in find_leaks(typed, contract, settings.training.seed):
        if name in settings.data.keep:
            continue
        text = f"alone it predicts with a score of {alone:.2f} (0: nothing, 1: all)"
        if alone >= CERTAIN:
            yield Finding(name, f"{text}: a leak? {way_out}", blocking=True)
        else:
            text += f", all other columns together with {rest:.2f}. Is it known when predicting?"
            yield Finding(name, f"{text} {way_out}")
