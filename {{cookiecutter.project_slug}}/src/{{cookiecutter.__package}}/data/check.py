"""The first verb: infer the contract once, then hold the table against it.

In: settings. Out: contract.yaml, written once and kept in step with project.toml; a `Checked`.
"""

from dataclasses import dataclass

from ..errors import CheckFailed
from ..settings import Settings
from . import contract as contracts
from . import rows
from .contract import Contract
from .infer import Finding, infer
from .read import Table, read_table
from .split import Split, split


@dataclass(frozen=True)
class Checked:
    """The contract in force. first: it was made just now; changes: where inference now differs."""

    table: Table
    contract: Contract
    findings: tuple[Finding, ...]
    changes: tuple[str, ...]
    first: bool
    parts: Split


def check_data(settings: Settings) -> Checked:
    """Check the project's table; write contract.yaml if there is none, or if roles changed.

    Raises:
        CheckFailed: with one list of everything that a person has to decide on or mend.

    """
    table = read_table(settings)
    inferred, findings = infer(table, settings)
    blocking = [finding for finding in findings if finding.blocking]
    if blocking:
        lines = [f"  {number}. {f.column}: {f.text}." for number, f in enumerate(blocking, 1)]
        raise CheckFailed("\n".join([f"{table.name} needs a decision from you:", *lines]))
    first = not settings.contract_path.exists()
    path = settings.contract_path
    contract = inferred if first else contracts.load(path, settings.data)
    target = contract.target.name
    known = table.frame[table.frame[target].notna()].reset_index(drop=True)
    typed = rows.apply(contract, known, table.name)
    parts = split(typed, contract, settings)
    if first or contract != contracts.load(path):
        contracts.save(contract, path)
    changes = () if first else tuple(_differences(contract, inferred))
    return Checked(table, contract, tuple(findings), changes, first, parts)


def _differences(ours: Contract, inferred: Contract) -> list[str]:
    """Say in which kinds, limits and columns the contract differs from what the table suggests."""
    now = {column.name: column for column in inferred.columns}
    lines = [
        f"'{name}' is new in the table"
        for name in now
        if name not in {column.name for column in ours.columns}
    ]
    for column in ours.columns:
        other = now.get(column.name)
        if other is None:
            lines.append(f"'{column.name}' is not in the table any more")
        elif column.but(note="", role=other.role) != other.but(note=""):
            lines.append(f"'{column.name}': {_what(column, other)}")
    if ours.table.get("sha256") != inferred.table["sha256"]:
        then, now_rows = ours.table.get("rows"), inferred.table["rows"]
        lines.append(f"the table is another one: {then} rows then, {now_rows} rows now")
    return lines


def _what(column: contracts.Column, other: contracts.Column) -> str:
    names = ("kind", "nullable", "minimum", "maximum", "categories", "format")
    pairs = [(name, getattr(column, name), getattr(other, name)) for name in names]
    return ", ".join(f"{name} {a!r} in the contract, {b!r} now" for name, a, b in pairs if a != b)
