"""The first verb: infer the contract once, then hold the table against it.

In: settings. Out: contract.yaml, written once and kept in step with project.toml; a `CheckedTable`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic

import numpy as np
import pandas as pd

from ..errors import CheckFailed, WrongUse
from ..project import Project
from ..settings import nearest
from ..tables.read import Table, read_table
from ..words import Progress, sentence
from .calendar import follow_time
from .checks import find_in_parts
from .contract import Column, Contract, load_contract, save_contract
from .finding import Finding, TableCheck, TableView
from .infer import infer_contract
from .limits import Limits
from .rows import present, validate, violations_of
from .settings import DataSettings
from .split import Split, split_rows
from .values import known

MEND = "Mend the table; a feature may also be set aside (`ignore`) or taken as it is (`keep`)"
PATIENCE = 2.0  # seconds
STEPS = 5
NO_HEADER = """  If that is already a row of data, the file has no header line: set `header = false`
  under [data] and call the columns column_1, column_2, ... by their place"""


@dataclass(frozen=True)
class CheckedTable:
    """The contract in force, and the typed rows that keep it and have a target.

    first: the contract was made just now; changes: where inference now differs; split: empty where
    something blocks.
    """

    table: Table
    contract: Contract
    rows: pd.DataFrame
    findings: tuple[Finding, ...]
    changes: tuple[str, ...]
    first: bool
    split: Split


def check_data(
    project: Project,
    data: DataSettings,
    checks: Sequence[TableCheck],
    limits: Limits,
    progress: Progress | None = None,
    seed: int = 0,
    refused: Callable[[CheckedTable], str] | None = None,
) -> CheckedTable:
    """Check the project's table; write contract.yaml if there is none, or if roles changed.

    checks: what is looked at, in this order; limits: of the service; progress: called with the step
    at hand, how many are done and how many there are, once the check has taken two seconds;
    refused: called with what is known if something blocks; what it returns is said below the list.

    Raises:
        CheckFailed: with one list of everything that a person has to decide on or mend.

    """
    step = _steps(progress)
    step("reading the table")
    table, path = read_own(project, data), project.contract_path
    step("what its columns are")
    inferred, first = infer_contract(table, data), not path.exists()
    contract = inferred if first else load_contract(path, data)
    step("whether rows keep the contract")
    frame = present(contract, table.frame)
    typed, broken = violations_of(contract, with_target(frame, contract))
    step("what follows the time")
    followers = follow_time(typed, contract, data.ordered)
    if first:
        columns = [c.replace(follows_time=c.name in followers) for c in contract.columns]
        contract = contract.model_copy(update={"columns": tuple(columns)})
    step("what is doubtful")
    there = [column for column in contract.columns if column.name in frame]
    view_of = contract.model_copy(update={"columns": tuple(there)})
    view = TableView(table.frame, frame, typed, view_of, data, limits, seed, followers)
    findings = [f for check in checks for f in check(view) if f.column not in data.keep]
    step("the table is checked")
    typed, nowhere = typed.reset_index(drop=True), np.empty(0, dtype="int64")
    known = replace(table, frame=frame)
    if problems := _problems(table, broken, findings, first):
        checked = CheckedTable(
            known, contract, typed, tuple(findings), (), first, Split(nowhere, nowhere, ())
        )
        raise CheckFailed("\n".join([*problems, *([refused(checked)] if refused else [])]))
    split = split_rows(typed, contract, data)
    findings += find_in_parts(typed, contract, split)
    if first or contract != load_contract(path):
        save_contract(contract, path)
    changes = () if first else tuple(_differences(contract, inferred))
    return CheckedTable(known, contract, typed, tuple(findings), changes, first, split)


def load_rows(project: Project, data: DataSettings) -> tuple[pd.DataFrame, Contract]:
    """Return the project's typed rows that have a target, and the contract they keep."""
    contract = load_contract(project.contract_path, data)
    table = read_own(project, data)
    typed = validate(contract, with_target(table.frame, contract), table.name)
    return typed.reset_index(drop=True), contract


def read_own(project: Project, data: DataSettings) -> Table:
    """Read the project's table; raise `WrongUse` if a column of project.toml is not there."""
    table = read_table(data.source, project.root, data.header, data.encoding)
    _check_names(project, data, list(table.frame.columns))
    return table


def _check_names(project: Project, data: DataSettings, columns: list[str]) -> None:
    keys = ("target", "time", "group", "sensitive", "ignore", "keep")
    lines = [
        f"  [data] {key}: no column '{name}' in {data.source}.{nearest(name, columns)}"
        for key in keys
        for name in np.atleast_1d(getattr(data, key))
        if name and name not in columns
    ]
    if lines:
        lines.append(f"  The columns are: {', '.join(columns[:40])}")
        lines += [NO_HEADER] if data.header else []
        raise WrongUse("\n".join([f"{project.root / 'project.toml'}:", *lines]))


def with_target(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the raw rows that have a target; all of them if it is not a column of `frame`."""
    target = contract.target
    return frame[known(frame[target.name], target).notna()] if target.name in frame else frame


def _problems(table: Table, broken: list[str], findings: list[Finding], first: bool) -> list[str]:
    """Return one list of all that a person has to decide on or mend, empty if that is nothing."""
    way_out = MEND if first else "Mend the table, or edit contract.yaml"
    problems = [f"{sentence(rule)} {way_out}" for rule in broken]
    problems += [f"{finding.column}: {finding.text}" for finding in findings if finding.blocking]
    lines = [f"  {number}. {sentence(text)}" for number, text in enumerate(problems, 1)]
    return [f"{table.name} needs a decision from you:", *lines] if lines else []


def _steps(progress: Progress | None) -> Callable[[str], None]:
    """Return what is called as each step begins, and shows it if those before it took long."""
    began, done = monotonic(), count()

    def step(name: str) -> None:
        place = next(done)
        if progress and monotonic() - began >= PATIENCE:
            progress(name, place, STEPS)

    return step


def _differences(ours: Contract, inferred: Contract) -> list[str]:
    """Say in which columns, kinds, roles and limits the contract differs from what is seen now."""
    then = {column.name: column for column in ours.columns}
    now = {column.name: column for column in inferred.columns}
    lines = [f"'{name}' is new in the table" for name in now if name not in then]
    lines += [f"'{name}' is not in the table any more" for name in then if name not in now]
    both = [name for name in then if name in now]
    lines += [f"'{name}': {what}" for name in both if (what := _what(then[name], now[name]))]
    if ours.table.get("sha256") != inferred.table["sha256"]:
        rows_then, rows_now = ours.table.get("rows"), inferred.table["rows"]
        lines.append(f"the table is another one: {rows_then} rows then, {rows_now} rows now")
    return lines


def _what(column: Column, other: Column) -> str:
    names = ("kind", "role", "nullable", "minimum", "maximum", "format")
    pairs = [(name, getattr(column, name), getattr(other, name)) for name in names]
    texts = [f"{name} {a!r} in the contract, {b!r} now" for name, a, b in pairs if a != b]
    ours, seen = set(column.categories or ()), set(other.categories or ())
    for where, only in (("in the contract", ours - seen), ("now", seen - ours)):
        if ours and seen and only:
            texts.append(f"only {where}: {', '.join(sorted(only))}")
    return ", ".join(texts)
