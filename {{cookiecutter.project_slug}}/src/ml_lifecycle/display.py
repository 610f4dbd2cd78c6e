"""The outcome of check-data as one readable table in the terminal."""

from prettytable import PrettyTable, TableStyle

from .data.check import CheckedTable
from .data.contract import Column
from .words import sentence

WIDTHS = {"column": 30, "role": 9, "kind": 8, "values": 22, "missing": 7, "why": 22}
WHY = {
    "number": "numbers",
    "integer": "whole numbers",
    "category": "values that come again",
    "boolean": "two words for yes, no",
    "date": "dates",
    "text": "several words each",
    "id": "a value a row",
}


def checked_table(checked: CheckedTable, positive: str) -> str:
    """Return what was read, each column with its role, kind and why, and what to look at.

    positive: of two classes the one that counts, else "".
    """
    table, contract = checked.table, checked.contract
    rows, columns = table.frame.shape
    lines = [f"{table.name}: {rows:,} rows, {columns} columns", *table.notes, ""]
    shown = PrettyTable(list(WIDTHS), align="l")
    shown.max_width = WIDTHS
    shown.set_style(TableStyle.PLAIN_COLUMNS)
    shown.left_padding_width, shown.right_padding_width = 2, 0
    missing = table.frame.isna().mean()
    for column in contract.columns:
        share = missing.get(column.name, 1.0)
        name, values = _plain(column.name, 90), _plain(_values(column), 48)
        gone, why = f"{share:.1%}" if share else "", column.note or WHY[column.kind]
        shown.add_row([name, column.role, column.kind, values, gone, why])
    lines += [line.rstrip() for line in shown.get_string().splitlines()]
    split = checked.split
    kind: str = contract.task
    if positive:
        kind += f", {positive!r} is the class that counts"
    sizes = f"{len(split.train):,} rows to train on, {len(split.test):,} to test on"
    lines += ["", f"{kind}: {sizes}"]
    lines += [sentence(f"Look at {found.column}: {found.text}") for found in checked.findings]
    lines += [f"Not as in contract.yaml: {change}." for change in checked.changes]
    made = "was made: review it, it is yours" if checked.first else "holds"
    return "\n".join([*lines, f"contract.yaml {made}"])


def _plain(text: str, most: int) -> str:
    """Return one printable line of at most `most` characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _values(column: Column) -> str:
    if column.minimum is not None and column.maximum is not None:
        return f"{column.minimum:,.10g} to {column.maximum:,.10g}"
    if column.categories:
        names = ", ".join(column.categories)
        return names if len(names) <= 48 else f"{len(column.categories)} values"
    return column.format if column.kind == "date" else ""
