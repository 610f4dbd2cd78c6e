"""The page about the table; its words are in data.html.

In: a `CheckedTable`, and what tells personal data. Out: self-contained HTML, on which no value
stands of an id, of a group's key, of personal data or of what is set aside.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping

import pandas as pd
from markupsafe import Markup

from ..data.check import CheckedTable
from ..data.checks import mostly
from ..data.contract import Column
from ..data.values import spelled
from ..display import WHY
from ..project import Project
from ..words import counted, sentence
from .associations import associations, heatmap
from .columns import NAMED, draw, periods
from .render import render, show

MOST = 50_000  # rows that are drawn
SHOWN = ("feature", "target", "time", "sensitive")
UNSAID = "what was found quotes a value that is not shown: `check-data` says it in the terminal"


def data_page(
    checked: CheckedTable,
    project: Project,
    ordered: bool,
    names: re.Pattern[str],
    patterns: Mapping[str, str],
) -> str:
    """Return the page about a table. ordered: the order of its rows is time.

    names, patterns: what calls a column personal data, its name or what some of its values match.
    """
    contract, frame, rows = checked.contract, checked.table.frame, checked.rows
    if len(rows) > MOST:
        rows = rows.sample(MOST, random_state=0)
    columns = [column for column in contract.columns if column.name in frame]
    columns.sort(key=lambda column: column.role != "target")  # which goes first
    hidden = {c.name for c in columns if _is_hidden(c, frame[c.name], names, patterns)}
    shown = {c.name: _drawn(rows[c.name], c) for c in columns if c.name not in hidden}
    together, timed = associations(shown), contract.time or ordered
    return render(
        project,
        "data.html",
        title=f"{project.name}: the table",
        lead=f"{checked.table.name}: {counted(len(frame), 'row')}, "
        f"{counted(len(columns), 'column')}, {counted(len(checked.findings), 'finding')}.",
        columns=columns,
        findings=_findings(checked, {name: _texts(frame[name]) for name in hidden}),
        facts={c.name: _facts(c, frame[c.name], c.name in hidden) for c in columns},
        pictures=_pictures(shown, periods(rows, contract.time, ordered), checked),
        near={name: _near(together[name]) for name in together},
        together=heatmap(together),
        time=(contract.time or "the order of the rows") if timed else "",
        sampled=len(rows) if len(rows) < len(checked.rows) else 0,
    )


def _pictures(
    shown: Mapping[str, pd.Series], when: pd.Series | None, checked: CheckedTable
) -> dict[str, Markup]:
    """Draw each column; the time is not drawn over itself."""
    time = checked.contract.time
    tested = checked.split.test
    late = when[when.index.isin(tested)].min() if when is not None and len(tested) else None
    return {
        name: draw(name, values, None if name == time else when, late)
        for name, values in shown.items()
    }


def _texts(values: pd.Series, most: int | None = None) -> pd.Index:
    """Return the distinct values as text, the commonest first."""
    return pd.Index(spelled(values.value_counts().index[:most].to_series()))


def _is_hidden(
    column: Column, values: pd.Series, names: re.Pattern[str], patterns: Mapping[str, str]
) -> bool:
    """Tell if no value may stand on the page; two words, such as yes and no, name nobody."""
    if column.role not in SHOWN or column.kind == "id" or values.isna().all():
        return True
    texts = _texts(values, 1000)
    told = names.search(column.name) or any(mostly(texts, p, 0.02) for p in patterns.values())
    return column.kind != "boolean" and bool(told)


def _drawn(values: pd.Series, column: Column) -> pd.Series:
    """Return what is drawn of a column: of a text its length, of many codes the numbers."""
    if column.kind == "text":
        return values.where(values != "").str.len()
    codes = column.numeric and values.nunique() > NAMED + 1
    return pd.to_numeric(values, errors="coerce") if codes else values


def _findings(checked: CheckedTable, hidden: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Return the findings by column; one that quotes a value of a hidden column is not told."""
    found, quotes = defaultdict(list), {repr(v[:40]) for values in hidden.values() for v in values}
    for finding in checked.findings:
        text, own = finding.text, hidden.get(finding.column, ())
        quoted = not quotes.isdisjoint(re.findall(r"'[^']*'|\"[^\"]*\"", text))
        quoted = quoted or any(len(value) > 2 and value[:40] in text for value in own)
        found[finding.column].append(sentence(UNSAID if quoted else text))
    return dict(found)


def _facts(column: Column, values: pd.Series, hidden: bool) -> list[str]:
    """Return what the contract says of a column, and how many values there are."""
    facts = [f"{column.role}, {column.kind}: {column.note or WHY[column.kind]}"]
    if hidden:
        facts.append("values not shown")
    elif column.minimum is not None and column.maximum is not None:
        facts.append(f"{show(column.minimum)} to {show(column.maximum)}")
    elif column.kind == "text":
        facts.append("its length in letters is drawn")
    missing = f"{values.isna().mean():.2%} missing" if values.hasnans else "none missing"
    return [*facts, counted(values.nunique(), "different value"), missing]


def _near(together: pd.Series) -> list[str]:
    """Return what a column goes with most."""
    near = together.drop(together.name).nlargest(4)
    return [f"{name} ({value:.2f})" for name, value in near.items() if value >= 0.1]
