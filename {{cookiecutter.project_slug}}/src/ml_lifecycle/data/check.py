"""The first verb: infer the contract once, then hold the table against it.

In: settings. Out: contract.yaml, written once and kept in step with project.toml; a `Checked`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event, Timer

import pandas as pd

from ..errors import CheckFailed
from ..settings import Settings
from ..words import sentence
from . import contract as contracts
from . import rows
from .calendar import flagged, follow_time
from .contract import Column, Contract
from .findings import MEND, Finding, find, find_in_parts
from .infer import infer
from .read import Table, read_table
from .split import Split, split
from .values import known

Progress = Callable[[str, int, int], None]
PATIENCE = 2.0  # seconds
STEPS = 5


@dataclass(frozen=True)
class Checked:
    """The contract in force, and the typed rows that keep it and have a target.

    first: the contract was made just now; changes: where inference now differs.
    """

    table: Table
    contract: Contract
    rows: pd.DataFrame
    findings: tuple[Finding, ...]
    changes: tuple[str, ...]
    first: bool
    parts: Split


def check_data(settings: Settings, progress: Progress | None = None) -> Checked:
    """Check the project's table; write contract.yaml if there is none, or if roles changed.

    progress: called with the step at hand, how many are done and how many there are, if the check
    takes longer than two seconds.

    Raises:
        CheckFailed: with one list of everything that a person has to decide on or mend.

    """
    with _steps(progress) as step:
        step("reading the table")
        table, path = read_table(settings), settings.contract_path
        step("what its columns are")
        inferred, first = infer(table, settings), not path.exists()
        contract = inferred if first else contracts.load(path, settings.data)
        step("whether rows keep the contract")
        frame = rows.present(contract, table.frame)
        typed, broken = rows.check(contract, with_target(frame, contract))
        step("what follows the time")
        followers = follow_time(typed, contract, settings.data.ordered)
        if first:
            contract = flagged(contract, followers)
        step("what is doubtful")
        findings = find(table.frame, typed, contract, settings, followers)
    _stop(table, broken, findings, first)
    typed = typed.reset_index(drop=True)
    parts = split(typed, contract, settings)
    findings += find_in_parts(typed, contract, parts)
    if first or contract != contracts.load(path):
        contracts.save(contract, path)
    changes = () if first else tuple(_differences(contract, inferred))
    table = replace(table, frame=frame)
    return Checked(table, contract, typed, tuple(findings), changes, first, parts)


def with_target(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the raw rows that have a target; all of them if it is not a column of `frame`."""
    target = contract.target
    return frame[known(frame[target.name], target).notna()] if target.name in frame else frame


def _stop(table: Table, broken: list[str], findings: list[Finding], first: bool) -> None:
    way_out = MEND if first else "Mend the table, or edit contract.yaml"
    problems = [f"{sentence(rule)} {way_out}" for rule in broken]
    problems += [f"{finding.column}: {finding.text}" for finding in findings if finding.blocking]
    if problems:
        lines = [f"  {number}. {sentence(text)}" for number, text in enumerate(problems, 1)]
        raise CheckFailed("\n".join([f"{table.name} needs a decision from you:", *lines]))


@contextmanager
def _steps(progress: Progress | None) -> Iterator[Callable[[str], None]]:
    """Yield what names the step at hand; from the third second on it is told."""
    names, late = [""], Event()

    def show() -> None:
        late.set()
        if progress:
            progress(names[-1], len(names) - 2, STEPS)

    def step(name: str) -> None:
        names.append(name)
        if late.is_set():
            show()

    clock = Timer(PATIENCE, show)
    clock.daemon = True
    clock.start()
    try:
        yield step
    finally:
        clock.cancel()
        if progress and late.is_set():
            progress("the table is checked", STEPS, STEPS)


def _differences(ours: Contract, inferred: Contract) -> list[str]:
    """Say in which columns, kinds, roles and limits the contract differs from what is seen now."""
    then = {column.name: column for column in ours.columns}
    now = {column.name: column for column in inferred.columns}
    lines = [f"'{name}' is new in the table" for name in now if name not in then]
    lines += [f"'{name}' is not in the table any more" for name in then if name not in now]
    lines += [f"'{name}': {what}" for name in then if (what := _what(then[name], now.get(name)))]
    if ours.table.get("sha256") != inferred.table["sha256"]:
        rows_then, rows_now = ours.table.get("rows"), inferred.table["rows"]
        lines.append(f"the table is another one: {rows_then} rows then, {rows_now} rows now")
    return lines


def _what(column: Column, other: Column | None) -> str:
    names = ("kind", "role", "nullable", "minimum", "maximum", "format")
    pairs = [(name, getattr(column, name), getattr(other or column, name)) for name in names]
    texts = [f"{name} {a!r} in the contract, {b!r} now" for name, a, b in pairs if a != b]
    if other and column.categories and other.categories:
        ours, seen = set(column.categories), set(other.categories)
        for where, only in (("in the contract", ours - seen), ("now", seen - ours)):
            texts += [f"only {where}: {', '.join(sorted(only))}"] if only else []
    return ", ".join(texts)
