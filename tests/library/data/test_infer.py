"""The first contract says what the values are, and stops where a person has to decide."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.check import read_own
from ml_lifecycle.data.contract import Contract
from ml_lifecycle.data.finding import Finding, TableView
from ml_lifecycle.data.infer import infer_contract
from ml_lifecycle.data.rows import convert, present, validate, violations_of
from ml_lifecycle.tables.read import Table
from project.data import CHECKS
from project.settings import Settings

ROWS = 300


def found_in(settings: Settings) -> tuple[Contract, list[Finding], Table]:
    """Return the contract, what is doubtful (a broken rule blocks under no name) and the table."""
    table, data = read_own(settings.project, settings.data), settings.data
    contract = infer_contract(table, data)
    typed, broken = violations_of(contract, table.frame)
    frame = present(contract, table.frame)
    view = TableView(table.frame, frame, typed, contract, data, settings.service, 0, {})
    found = [f for check in CHECKS for f in check(view) if f.column not in data.keep]
    return contract, [*found, *(Finding("", rule, blocking=True) for rule in broken)], table


def inferred(
    project: Any, values: Any = None, **data: Any
) -> tuple[Contract, list[Finding], Table]:
    """Return what is inferred of a table with column `it` and an unrelated target."""
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"x": random.normal(size=ROWS), "target": random.choice(["n", "y"], ROWS)})
    if values is not None:
        frame.insert(0, "it", list(values))
    return found_in(project(frame, **({"group": "", "sensitive": (), "ignore": ()} | data)))


def numbers_of(text: str) -> list[str]:
    return [text.format(a=i % 90 + 10, b=i * 7 % 10) for i in range(ROWS)]


@pytest.mark.parametrize(
    ("values", "kind", "pattern"),
    [
        (numbers_of("{a}.{b}"), "number", ""),
        (numbers_of("{a},{b}"), "number", ","),
        (numbers_of("1,{a}0.{b}"), "number", "."),
        (numbers_of("1.{a}0,{b}"), "number", ","),
        (numbers_of("0,1{a}"), "number", ","),
        ([f"2024-01-{i % 28 + 1:02}" for i in range(ROWS)], "date", "ISO8601"),
        (np.random.default_rng(0).integers(0, 5, ROWS), "category", ""),
        (np.random.default_rng(0).poisson(2, ROWS), "integer", ""),
        (["Yes", "no", "No"] * 100, "boolean", ""),
        (["Yes", "no", "perhaps"] * 100, "category", ""),
        (["true", "false"] * 150, "boolean", ""),
        ([f"{i % 28 + 1:02}.{i % 12 + 1:02}.2024" for i in range(ROWS)], "date", "%d.%m.%Y"),
        ([f"2024-01-{i % 28 + 1:02}T10:00:00Z" for i in range(ROWS)], "date", "ISO8601"),
        ([f"u{i:04}x" for i in range(ROWS)], "id", ""),
        ([f"the {i} red fox jumps over it" for i in range(ROWS)], "text", ""),
    ],
)
def test_kinds(project: Any, values: Any, kind: str, pattern: str) -> None:
    contract, _, _ = inferred(project, values, keep=("it",))
    assert (contract.columns[0].kind, contract.columns[0].format) == (kind, pattern)


def test_decimal_commas_have_their_value(project: Any) -> None:
    contract, _, table = inferred(project, ["1.234,5", "0,25", "7,0"] * 100)
    assert validate(contract, table.frame, "t")["it"].tolist()[:3] == [1234.5, 0.25, 7.0]


def test_infinity_in_a_table_is_no_number(project: Any) -> None:
    contract, _, _ = inferred(project, np.random.default_rng(0).normal(size=ROWS))
    values = pd.Series(["inf", "-inf", "1e999", "-1e999"], dtype=object)
    assert convert(values, contract.columns[0]).isna().all()


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (range(ROWS), "id"),
        ([f"u{i:04}x" for i in range(ROWS)], "id"),
        (["same"] * ROWS, "ignored"),
        ([""] * ROWS, "ignored"),
        ([0.5, 1.5, 2.5] * 100, "feature"),
    ],
)
def test_what_cannot_help_is_set_aside(project: Any, values: Any, role: str) -> None:
    assert inferred(project, values)[0].columns[0].role == role


def blocking(found: list[Finding]) -> list[str]:
    return [f"{finding.column}: {finding.text}" for finding in found if finding.blocking]


def test_junk_among_numbers_blocks_and_names_the_row(project: Any) -> None:
    values: list[Any] = np.random.default_rng(0).normal(size=ROWS).tolist()
    values[41] = "twelve"
    (said,) = blocking(inferred(project, values)[1])
    assert said == ": column 'it' is no number: row 42 'twelve'"


def leaky(share: float) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(3)
    target = random.random(ROWS) < 0.5
    known = np.where(random.random(ROWS) < share, target, random.random(ROWS) < 0.5)
    frame = pd.DataFrame({"it": known + random.normal(0, 0.01, ROWS)})
    return frame.assign(x=random.normal(size=ROWS), target=np.where(target, "y", "n")), target


def test_a_near_perfect_column_blocks_until_somebody_decides(project: Any) -> None:
    frame, _ = leaky(1.0)
    for data, stopped in (({}, True), ({"keep": ("it",)}, False), ({"ignore": ("it",)}, False)):
        settings = project(frame, group="", sensitive=(), **({"ignore": ()} | data))
        assert bool(blocking(found_in(settings)[1])) == stopped


def test_a_dominating_column_is_asked_about(project: Any) -> None:
    frame, _ = leaky(0.8)
    _, found, _ = found_in(project(frame, group="", sensitive=(), ignore=()))
    assert [f.column for f in found if "known when predicting" in f.text] == ["it"]
    assert not blocking(found)


def test_a_sum_that_is_the_target_blocks(project: Any) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).poisson(50, (ROWS, 2)), columns=["a", "b"])
    frame = frame.assign(target=frame["a"] + frame["b"])
    _, found, _ = found_in(project(frame, group="", sensitive=(), ignore=()))
    assert "a + b is exactly the target" in blocking(found)[0]


def test_a_target_without_variety_blocks(project: Any) -> None:
    frame = pd.DataFrame({"x": range(ROWS), "target": "yes"})
    _, found, _ = found_in(project(frame, group="", sensitive=(), ignore=()))
    assert "one value only" in blocking(found)[0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["TRUE", "true", "False", "true", "FALSE", "False"], ("False", "true")),
        (["1.0", "0.0", "1.0", "0", "1", "1.0"], ("0", "1")),
        (["True", "1", "0", "False", "True", "False"], ("False", "True")),
    ],
)
def test_yes_and_no_are_written_as_most_rows_write_them(
    project: Any, values: list[str], words: tuple[str, str]
) -> None:
    contract, _, _ = inferred(project, values * (ROWS // 6))
    assert contract.columns[0].kind == "boolean"
    assert contract.columns[0].categories == words
