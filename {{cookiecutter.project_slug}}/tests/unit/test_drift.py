"""Faults are told from drift, drift from chance, and a window too small from a quiet one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from project.data.contract import Column, Contract
from project.data.profile import profile
from project.monitoring.drift import Movement, chi_square, movements
from project.settings import Drift

NUMBER = Column(name="x", kind="number")
CATEGORY = Column(name="x", kind="category")


def moved(before: Any, after: Any, column: Column = NUMBER) -> Movement:
    old, new = (pd.Series(values, dtype=None, name="x") for values in (before, after))
    reference = profile(old, column)
    if column.kind == "category":
        reference["known"] = sorted(old.dropna().unique())
    contract = Contract(table={}, columns=(column,))
    (found,) = movements({"x": reference}, pd.DataFrame({"x": new}), contract, Drift())
    return found


def normal(seed: int, rows: int = 2000, **shape: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(shape.get("at", 50), shape.get("by", 10), rows)


def test_chi_square_is_pearsons() -> None:
    p_value, effect = chi_square(np.array([60.0, 40.0]), np.array([40.0, 60.0]))
    assert p_value == pytest.approx(0.004678, abs=1e-6)
    assert effect == pytest.approx(np.sqrt((8 - 1) / 50))


def test_chi_square_of_rare_or_absent_cells_claims_nothing() -> None:
    assert chi_square(np.array([100.0, 1.0]), np.array([100.0, 0.0]))[1] == 0
    assert chi_square(np.array([0.0, 0.0]), np.array([10.0, 10.0])) == (1.0, 0.0)


def test_without_drift_alarms_are_as_rare_as_promised() -> None:
    alarms = [moved(normal(seed), normal(seed + 500, 500)) for seed in range(100)]
    assert sum(bool(m.moved or m.fault) for m in alarms) <= 8


def test_a_shift_is_a_movement_and_no_fault() -> None:
    found = moved(normal(1), normal(2, at=55))
    assert found.moved
    assert not found.fault


def test_a_shift_too_small_to_have_a_name_is_none() -> None:
    assert not moved(normal(1, 100_000), normal(2, 100_000, at=50.3)).moved


@pytest.mark.parametrize("factor", [10, 1 / 10, 100, 1000, 60, 1 / 60, 2.54, 1 / 2.2046])
def test_another_unit_is_a_fault(factor: float) -> None:
    assert "another unit" in moved(normal(1), normal(2) * factor).fault


def test_values_gone_missing_are_a_fault_and_values_come_back_are_none() -> None:
    holes = normal(2)
    holes[::20] = np.nan
    assert "missing values rose from 0.0% to 5.0%" in moved(normal(1), holes).fault
    assert not moved(holes, normal(1)).fault


def test_values_never_seen_are_a_fault_and_a_few_are_not() -> None:
    before = np.random.default_rng(0).choice(["a", "b"], 1000)
    new = np.where(np.arange(1000) % 10 == 0, "c", before)
    assert "never seen before: 'c'" in moved(before, new, CATEGORY).fault
    typo = np.where(np.arange(1000) < 3, "c", before)
    assert not moved(before, typo, CATEGORY).fault


def test_a_window_without_any_value_is_a_fault() -> None:
    assert "missing values rose" in moved(normal(1), np.full(500, np.nan)).fault


def test_a_window_too_small_is_not_quiet(champion: Any, window: Any) -> None:
    from project.monitoring.verdict import check

    assert check(champion.release, window(50), Drift()).verdict == "insufficient data"
