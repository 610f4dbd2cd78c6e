"""The outcome of check-data as one readable table in the terminal."""

from .data.check import Checked
from .data.contract import Column
from .evaluation.problem import Problem
from .settings import Settings


def checked_table(checked: Checked, settings: Settings) -> str:
    """Return what was read, each column with its role and kind, and what to look at."""
    table, contract = checked.table, checked.contract
    rows, columns = table.frame.shape
    lines = [f"{table.name}: {rows:,} rows, {columns} columns", *table.notes, ""]
    width = min(max(len(c.name) for c in contract.columns), 40)
    for column in contract.columns:
        name = column.name if len(column.name) <= 40 else column.name[:39] + "…"
        missing = table.frame[column.name].isna().mean() if column.name in table.frame else 1.0
        share = f"{missing:6.1%} missing" if missing else ""
        lines.append(f"  {name:<{width}}  {column.role:<9}  {_what(column):<44}  {share}".rstrip())
    parts = checked.parts
    task: str = contract.task
    if task == "binary":
        task += f", {Problem(contract, settings).classes[1]!r} is the class that counts"
    sizes = f"{len(parts.train):,} rows to train on, {len(parts.test):,} to test on"
    lines += ["", f"{task}: {sizes}"]
    for finding in checked.findings:
        lines.append(f"Look at {finding.column}: {finding.text}.")
    for change in checked.changes:
        lines.append(f"Not as in contract.yaml: {change}.")
    made = (
        "contract.yaml was made: review it, it is yours" if checked.first else "contract.yaml holds"
    )
    return "\n".join([*lines, made])


def _what(column: Column) -> str:
    if column.note:
        return f"{column.kind}, {column.note}"
    if column.minimum is not None:
        return f"{column.kind}, {column.minimum:g} to {column.maximum:g}"
    if column.categories:
        shown = ", ".join(column.categories)
        short = shown if len(shown) <= 28 else f"{len(column.categories)} values"
        return f"{column.kind}, {short}"
    return f"{column.kind}, {column.format}" if column.format else column.kind
