"""What a person has to look at before a table is used: flags on columns, rows and the target.

In: raw rows, typed rows, the contract. Out: findings. `blocking` ones must be answered by an
edit of project.toml; the others are worth a look. Each names its column and the way out.
"""

import re
from collections.abc import Iterator

import pandas as pd

from ..errors import WrongUse
from ..settings import Data, Settings
from ..words import counted
from .calendar import Follower, about_time
from .contract import NAMED, NUMERIC, TRUTHS, Column, Contract
from .leaks import Finding, find_gaps, find_leaks, find_twins
from .limits import find_limits
from .rows import convert, present
from .sensitive import may_be_sensitive
from .split import FINER, Split
from .values import MISSING, absent, reader, spelled, words

FEW = 10
ENOUGH = 50  # test rows of a group, to say anything about it
ALMOST_ALL = 0.995
MEND = "Mend the table; a feature may also be set aside (`ignore`) or taken as it is (`keep`)"
PERSONAL = re.compile(
    r"(first|last|sur|full|customer)_?name|e-?mail|phone(_?number)?$|address|birth|\biban\b|\bssn\b",
    re.IGNORECASE,
)
PATTERNS = {
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.\w+",
    "bank accounts": r"[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}",
    "phone numbers": r"(?:\+|00)\d[\d ()/.-]{7,18}|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}",
}


def find(
    frame: pd.DataFrame,
    typed: pd.DataFrame,
    contract: Contract,
    settings: Settings,
    followers: dict[str, Follower] | None = None,
) -> list[Finding]:
    """Return everything doubtful.

    frame: raw rows; typed: their typed rows, same index; followers: what follows the time.
    """
    columns = tuple(column for column in contract.columns if column.name in frame)
    contract = contract.model_copy(update={"columns": columns})
    unsaid = settings.data.missing == "auto"
    found = [f for c in columns for f in _about_words(frame[c.name], c, unsaid)]
    frame = present(contract, frame)
    found += _about_header(frame, columns, settings.data)
    found += [f for c in columns for f in _about_column(frame[c.name], c, settings.data)]
    found += about_time(followers or {}, contract)
    usable = list(_about_target(frame, contract, settings.data.positive_class))
    found += [*usable, *_about_features(contract), *_about_rows(frame)]
    found += find_limits(typed, contract, settings.service)
    found += find_twins(frame, contract.features)
    # Only a target that is of no use hides the leaks: people want to mend a table once.
    if not any(f.blocking for f in usable):
        known = typed[typed[contract.target.name].notna()]
        found += find_gaps(frame.loc[known.index], known, contract)
        found += find_leaks(known, contract, settings)
    return [f for f in found if f.column not in settings.data.keep]


def _about_header(
    frame: pd.DataFrame, columns: tuple[Column, ...], data: Data
) -> Iterator[Finding]:
    """Ask if the names could be a row: numbers over numbers, a category over the same category."""
    alike = []
    for column in columns if data.header else ():
        values, name = frame[column.name], re.sub(r"_\d+$", "", column.name)
        if column.kind in (*NUMERIC, "date"):
            fits = convert(pd.Series([name], dtype=object), column).notna().all()
        else:
            fits = values.head(1000).eq(name).any()
        alike += [column.name] if fits and column.name not in data.keep else []
    if len(alike) > len(columns) / 2:
        text = f"the first line looks like a row of data ({', '.join(alike[:5])})"
        way_out = "Set `header = false` in project.toml if it is, or add these names to `keep`"
        yield Finding("(header)", f"{text}. {way_out}", blocking=True)


def _about_words(values: pd.Series, column: Column, unsaid: bool) -> Iterator[Finding]:
    """Say of each word for "no value" how it is read, and what to do if that is wrong.

    unsaid: no person has; then a word beside yes and no in the target blocks, as among numbers.
    """
    if column.role == "ignored" or pd.api.types.is_numeric_dtype(values):
        return
    counts = values.value_counts()
    gone, way_out = absent(column), "`missing` in project.toml or contract.yaml overrules it"
    for word in (word for word in dict.fromkeys((*MISSING, *gone)) if word in counts.index):
        rows = f"{word!r} in {counted(counts[word], 'row')}"
        if word in gone:
            yield Finding(column.name, f"{rows} is read as missing; {way_out}")
        else:
            others = {str(value).casefold() for value in counts.index.difference([*MISSING])}
            broken = column.kind in (*NUMERIC, "date") or (
                unsaid and column.role == "target" and others <= set(TRUTHS) and len(others) > 1
            )
            text = f"{rows} is taken for a value; if it means that there is none, say so:"
            say = f"missing = [{word!r}] under [data], or missing = [] if it is one"
            yield Finding(column.name, f"{text} {say}", broken)


def _about_column(values: pd.Series, column: Column, data: Data) -> Iterator[Finding]:
    name = column.name
    if column.role == "time" and column.kind not in ("date", *NUMERIC):
        example = next(iter(values.dropna()), "")
        yield Finding(name, f"is the time column, but {example!r} is no date: choose another", True)
    counts = values.value_counts()
    if column.role != "feature" or counts.empty:
        return
    texts = pd.Index(spelled(counts.index[:1000].to_series()))
    if pd.api.types.is_string_dtype(values) and (doubt := _two_ways(texts, column)):
        yield Finding(name, doubt)
    if (share := counts.iloc[0] / counts.sum()) >= ALMOST_ALL:
        yield Finding(name, f"is {texts[0][:40]!r} in {share:.2%} of its values")
    what = [w for w, p in PATTERNS.items() if _mostly(texts, p)]
    if what or PERSONAL.search(name):
        seen = f" ({what[0]})" if what else ""
        yield Finding(name, f"looks like personal data{seen}; add it to `ignore` if it is")
    if may_be_sensitive(name, texts[:3] if len(counts) == 2 else (), data.sensitive_names):
        way_out = "add it to `sensitive` to leave it out of the model and watch its groups"
        yield Finding(name, f"may be sensitive; {way_out}")


def _about_features(contract: Contract) -> Iterator[Finding]:
    """Say why each column is set aside if none is left to learn from."""
    if not contract.features:
        why = [f"'{c.name}' ({c.note or c.role})" for c in contract.columns if c.role != "target"]
        said = f"no feature is left; set aside are {', '.join(why)}"
        yield Finding("(columns)", f"{said}. Bring more columns, or `keep` one", blocking=True)


def _mostly(texts: pd.Index, pattern: str, share: float = 0.5) -> bool:
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
        if _mostly(texts, grouped, 1 - 1e-9) and texts.str.contains(mark).mean() > 0.5:
            example = next(value for value in texts if re.search(mark, value))
            value = convert(pd.Series([example]), column)[0]
            return f"{example} is read as {value:g}; else set its `format` in contract.yaml"
    return ""


def _about_target(frame: pd.DataFrame, contract: Contract, positive: str) -> Iterator[Finding]:
    target = contract.target
    values = frame[target.name]
    counts = words(values, target).value_counts()
    if len(counts) < 2:
        yield Finding(target.name, "has one value only: nothing to learn", blocking=True)
        return
    if missing := int(values.isna().sum()):
        row = values.isna().argmax() + 1
        text = f"is missing in {counted(missing, 'row')}, first in row {row}: left out"
        yield Finding(target.name, text)
    if contract.task == "regression":
        return
    if target.kind not in NAMED or not target.categories:
        text = f"has {len(counts)} different values that are no numbers; choose another target"
        yield Finding(target.name, text, blocking=True)
        return
    if positive and reader(target)(positive) not in counts.index:
        known = ", ".join(map(repr, counts.index))
        raise WrongUse(f"[data] positive: {positive!r} is no class of '{target.name}': {known}")
    if counts.min() < max(FEW, 0.05 * counts.sum()):
        rows = counted(counts.min(), "row")
        text = f"only {rows} of {counts.sum():,} of class {counts.idxmin()!r}"
        yield Finding(target.name, text)


def _about_rows(frame: pd.DataFrame) -> Iterator[Finding]:
    if copies := int(frame.duplicated().sum()):
        yield Finding("(rows)", f"exact copies of an earlier row: {copies}")
    if len(frame) < 200:
        yield Finding("(rows)", f"{len(frame)} rows are few: expect wide intervals")


def find_in_parts(frame: pd.DataFrame, contract: Contract, parts: Split) -> Iterator[Finding]:
    """Yield what cannot be learnt or assessed on the rows that are for it. frame: typed rows."""
    target, test = contract.target, frame.iloc[parts.test]
    if target.categories:
        for side, rows in (("test", parts.test), ("training", parts.train)):
            absent_there = set(target.categories) - set(frame[target.name].iloc[rows])
            if absent_there:
                names = ", ".join(map(repr, sorted(absent_there)))
                text = f"no row of the {side} part is of class {names}"
                yield Finding(target.name, f"{text}: nothing will be known of it")
    for column in contract.with_role("group"):
        if test[column.name].nunique() < 2:
            text = "all test rows have one value: no interval can be told, and the gate holds"
            yield Finding(column.name, f"{text}; {FINER}")
    for column in contract.with_role("sensitive"):
        sizes = test[column.name].value_counts()
        many = column.kind in (*NUMERIC, "date") and len(sizes) > FEW
        enough = len(test) >= 4 * ENOUGH if many else (sizes >= ENOUGH).sum() > 1
        if not enough:
            text = f"fewer than two groups have {ENOUGH} rows in the test part"
            yield Finding(column.name, f"{text}: fairness between them cannot be assessed")
