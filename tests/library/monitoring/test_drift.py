"""Faults are told from drift, drift from chance, and a window too small from a quiet one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.data.profile import Counts, News, Profile
from ml_lifecycle.data.rows import to_records
from ml_lifecycle.monitoring import DriftSettings, Looks
from ml_lifecycle.monitoring.drift import (
    ColumnDrift,
    column_drift,
    compare_columns,
)
from ml_lifecycle.monitoring.ranks import chi_square
from ml_lifecycle.monitoring.unseen import unseen
from ml_lifecycle.monitoring.window import served_frame
from ml_lifecycle.release.write import reference
from project.monitoring import check

DRIFT = DriftSettings()
LEVELS = Looks().levels(DRIFT.false_alarm_rate)
NUMBER = Column(name="x", kind="number")
CATEGORY = Column(name="x", kind="category")
TEXT = Column(name="x", kind="text")
DATE = Column(name="x", kind="date")
TIME = Column(name="t", kind="date", role="time")
FRENCH = ["été", "déjà", "près", "forêt", "où", "naïf", "garçon", "élève", "château", "café"]


def moved(before: Any, after: Any, column: Column = NUMBER, train: Any = None) -> ColumnDrift:
    """Compare a window with test rows; train: other rows than these, if they have to be."""
    old, new, other = (
        pd.DataFrame({"x": pd.Series(values)})
        for values in (before, after, before if train is None else train)
    )
    return compared(old, new, other, column)


def compared(
    old: pd.DataFrame, new: pd.DataFrame, train: pd.DataFrame, *columns: Column, at: Any = None
) -> ColumnDrift:
    contract = Contract(table={}, columns=columns)
    known = reference(old, train, contract, np.ones(len(old)))
    (found,) = compare_columns(known.columns, new, contract, DRIFT, LEVELS, at)
    return found


def normal(seed: int, rows: int = 2000, **shape: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(shape.get("at", 50), shape.get("by", 10), rows)


def alpha(seed: int, rows: int, values: int = 400) -> np.ndarray:
    """Categories of which a few are common and most are rare (Zipf)."""
    share = 1 / np.arange(1, values + 1)
    drawn = np.random.default_rng(seed).choice(values, rows, p=share / share.sum())
    return drawn.astype(str).astype(object)


def sentences(seed: int, rows: int, words: list[str] = FRENCH) -> np.ndarray:
    random = np.random.default_rng(seed)
    parts = [random.choice(words, random.integers(4, 12)) for _ in range(rows)]
    return np.array([" ".join(part) for part in parts], dtype=object)


def since(start: str, rows: int, seed: int, days: float = 60) -> pd.DataFrame:
    """Rows an hour apart, with a date that lies so many days before, on average."""
    t = pd.Series(pd.date_range(start, periods=rows, freq="h").astype("datetime64[s]"))
    spans = np.random.default_rng(seed).exponential(days * 86_400, rows).astype("timedelta64[s]")
    return pd.DataFrame({"t": t, "x": t - spans})


def test_chi_square_is_pearsons() -> None:
    p_value, effect = chi_square(np.array([60.0, 40.0]), np.array([40.0, 60.0]))
    assert p_value == pytest.approx(0.004678, abs=1e-6)
    assert effect == pytest.approx(np.sqrt((8 - 1) / 50))


def test_chi_square_of_rare_or_absent_cells_claims_nothing() -> None:
    assert chi_square(np.array([100.0, 1.0]), np.array([100.0, 0.0]))[1] == 0
    assert chi_square(np.array([0.0, 0.0]), np.array([10.0, 10.0])) == (1.0, 0.0)


def draw_numbers(seed: int, rows: int) -> np.ndarray:
    return normal(seed, rows)


def draw_zeros(seed: int, rows: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.1, rows).astype("float64")


@pytest.mark.parametrize(
    ("draw", "column"),
    [(draw_numbers, NUMBER), (draw_zeros, NUMBER), (alpha, CATEGORY), (sentences, TEXT)],
)
def test_without_drift_alarms_are_as_rare_as_promised(
    draw: Callable[[int, int], np.ndarray], column: Column
) -> None:
    alarms = [
        moved(draw(seed, 400), draw(seed + 500, 500), column, draw(seed + 900, 1600))
        for seed in range(100)
    ]
    assert sum(bool(m.drifted or m.fault) for m in alarms) <= 8


def test_a_shift_is_a_movement_and_no_fault() -> None:
    found = moved(normal(1), normal(2, at=55))
    assert found.drifted
    assert not found.fault


def test_a_shift_too_small_to_have_a_name_is_none() -> None:
    assert not moved(normal(1, 100_000), normal(2, 100_000, at=50.3)).drifted


def test_a_value_that_most_rows_have_is_counted_for_itself() -> None:
    mostly = np.where(np.arange(2000) % 50 == 0, 0.0, 1.0)
    assert moved(mostly, np.where(np.arange(2000) % 5 == 0, 0.0, 1.0)).drifted


def test_all_rows_of_one_value_in_a_window_much_larger_than_the_test_are_noticed() -> None:
    half = np.array(["a", "b"] * 60, dtype=object)
    assert moved(half, np.full(5000, "b", dtype=object), CATEGORY).drifted
    assert moved(normal(1, 120), np.full(5000, 70.0)).drifted


@pytest.mark.parametrize("factor", [10, 1 / 10, 100, 1000, 60, 1 / 60, 2.54, 1 / 2.2046])
def test_another_unit_is_a_fault(factor: float) -> None:
    assert "another unit" in moved(normal(1), normal(2) * factor).fault


def test_values_gone_missing_are_a_fault_and_values_come_back_are_none() -> None:
    holes = normal(2)
    holes[::20] = np.nan
    assert "missing values rose: missing 0.0% → 5.0%" in moved(normal(1), holes).fault
    assert not moved(holes, normal(1)).fault


def test_values_never_seen_are_a_fault_and_a_few_are_not() -> None:
    before = np.random.default_rng(0).choice(["a", "b"], 1000)
    new = np.where(np.arange(1000) % 10 == 0, "c", before)
    assert "never seen before: 'c'" in moved(before, new, CATEGORY).fault
    typo = np.where(np.arange(1000) < 3, "c", before)
    assert not moved(before, typo, CATEGORY).fault


def test_a_value_that_training_or_the_contract_knows_is_no_fault() -> None:
    before = np.random.default_rng(0).choice(["a", "b"], 1000)
    new = np.where(np.arange(1000) % 10 == 0, "c", before)
    assert not moved(before, new, CATEGORY.replace(categories=("a", "b", "c"))).fault
    train = np.append(before, ["c"] * 5)
    assert not moved(before, new, CATEGORY, train).fault


def test_a_tail_shows_new_values_for_ever_and_more_than_that_are_a_fault() -> None:
    train, before, new = alpha(1, 1600), alpha(2, 400), alpha(3, 500)
    new[:5] = [f"first {number}" for number in range(5)]
    assert not moved(before, new, CATEGORY, train).fault
    new[:100] = [f"Paris {number % 20}" for number in range(100)]
    fault = moved(before, new, CATEGORY, train).fault
    assert "rows hold values never seen before: 'Paris" in fault
    assert "were to be expected" in fault


def test_one_new_value_in_many_rows_is_a_fault_however_long_the_tail() -> None:
    train, before, new = alpha(1, 480, 5000), alpha(2, 120, 5000), alpha(3, 500, 5000)
    assert not moved(before, new, CATEGORY, train).fault
    new[:25] = "Paris"
    assert moved(before, new, CATEGORY, train).fault == (
        "25 rows hold a value never seen before: 'Paris'"
    )


def test_one_new_value_that_few_rows_may_have_missed_is_none() -> None:
    seen = News(values="", train=(48, 3, 1), both=(60, 3, 2), late=(12, 1, 1))
    window = pd.Series(["known"] * 494 + ["Paris"] * 6)
    p_value, _ = unseen(seen, window, CATEGORY.replace(categories=("known",)))
    assert p_value > 0.01


@pytest.mark.parametrize(("rows", "fault"), [(640, False), (780, False), (820, True)])
def test_a_surplus_of_less_than_a_hundredth_of_the_rows_is_none(rows: int, fault: bool) -> None:
    train, both, late = (80_000, 2600, 450), (100_000, 3000, 500), (20_000, 650, 650)
    seen = News(values="", train=train, both=both, late=late)
    window = pd.Series(["known"] * (20_000 - rows) + [f"new {row % 400}" for row in range(rows)])
    p_value, said = unseen(seen, window, CATEGORY.replace(categories=("known",)))
    assert (p_value < 0.01 and "about 600 were to be expected" in said) == fault


def test_values_that_come_with_the_time_are_expected_to_go_on_coming() -> None:
    def campaigns(first: int) -> np.ndarray:
        return np.repeat([f"campaign {number}" for number in range(first, first + 40)], 20)

    assert not moved(campaigns(200), campaigns(300), CATEGORY, campaigns(0)).fault


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode().decode("cp1252"),  # an encoding taken for another
        lambda text: " ".join(w[::-1] for w in text.split()),  # another language
        lambda text: " ".join(text.split()[:3]),
    ],
)
def test_a_text_that_became_another_is_noticed(change: Callable[[str], str]) -> None:
    after = np.array([change(text) for text in sentences(3, 500)], dtype=object)
    assert moved(sentences(1, 400), after, TEXT, sentences(2, 1600)).drifted


def test_a_date_is_compared_by_its_distance_from_the_time() -> None:
    train, old = since("2024-01-01", 2000, 1), since("2024-04-01", 500, 2)
    for start in ("2024-05-01", "2026-05-01"):
        assert not compared(old, since(start, 500, 3), train, DATE, TIME).drifted
    assert compared(old, since("2024-05-01", 500, 3, days=120), train, DATE, TIME).drifted


def test_the_hour_of_the_request_stands_for_a_time_that_rows_do_not_say() -> None:
    train, old = since("2024-01-01", 2000, 1), since("2024-04-01", 500, 2)
    new = since("2024-05-01", 500, 3)
    at, silent = new["t"], new.assign(t=pd.NaT).astype({"t": "datetime64[s]"})
    assert not compared(old, silent, train, DATE, TIME, at=at).drifted
    assert compared(old, silent, train, DATE, TIME, at=at + pd.Timedelta(days=90)).drifted


def test_a_check_asks_served_rows_for_their_time(champion: Any) -> None:
    train, old = since("2024-01-01", 2000, 1), since("2024-04-01", 500, 2)
    new = since("2024-05-01", 500, 3)
    contract = Contract(table={}, columns=(DATE, TIME, champion.release.contract.target))
    known = reference(old, train, contract, np.ones(500))
    release = replace(champion.release, contract=contract, reference=known)
    said = to_records(new)
    silent = [{"x": row["x"]} for row in said]
    for inputs, at, drifted in (
        (said, "2026-01-01T00:00:00+00:00", False),
        (silent, "2026-01-01T00:00:00+00:00", True),
        (silent, "2024-05-11T00:00:00+00:00", False),
    ):
        served = pd.DataFrame({"inputs": inputs, "created_at": pd.Timestamp(at)})
        window = served_frame(release, served)
        (found,) = column_drift(release, served, window, DRIFT, LEVELS)
        assert found.drifted == drifted


def test_a_release_that_counted_dates_in_another_way_is_not_compared() -> None:
    contract = Contract(table={}, columns=(DATE, TIME))
    before = Profile(rows=500, counts={"value": Counts((1.7e9,), (250, 250))})
    window = since("2027-01-01", 500, 3)
    (found,) = compare_columns({"x": before}, window, contract, DRIFT, LEVELS)
    assert not found.compared
    assert not found.drifted


def test_a_date_without_a_time_is_compared_by_missing_values_only() -> None:
    train, old = since("2024-01-01", 2000, 1)[["x"]], since("2024-04-01", 500, 2)[["x"]]
    new = since("2027-01-01", 500, 3)
    at, new = new["t"], new[["x"]]
    found = compared(old, new, train, DATE, at=at)
    assert not found.compared
    assert not found.drifted
    new.loc[::5, "x"] = pd.NaT
    assert "missing values rose" in compared(old, new, train, DATE, at=at).fault


@pytest.mark.parametrize("column", [NUMBER, CATEGORY, TEXT])
def test_a_column_that_follows_the_time_is_compared_by_missing_values_only(column: Column) -> None:
    old, new = ([str(1 + i % 6 + first) for i in range(1000)] for first in (0, 6))
    if column.kind == "number":
        old, new = ([float(value) for value in values] for values in (old, new))
    found = moved(old, new, column)
    assert found.drifted or found.fault
    column = column.replace(follows_time=True)
    assert not moved(old, new, column).fault
    assert not moved(old, new, column).drifted
    gone: list[Any] = ["" if column.kind == "text" else None] * 100
    assert "missing values rose" in moved(old, new[100:] + gone, column).fault


def test_a_window_without_any_value_is_a_fault() -> None:
    assert "missing values rose" in moved(normal(1), np.full(500, np.nan)).fault


def test_a_window_too_small_is_not_quiet(champion: Any, window: Any) -> None:
    assert check(champion.release, window(50), DriftSettings()).verdict == "insufficient data"


def of_groups(seed: int, groups: int, size: int) -> pd.DataFrame:
    """Rows of groups: two columns are the group's, a third is each row's own."""
    random = np.random.default_rng(seed)
    place = np.repeat(np.arange(groups), size)
    return pd.DataFrame(
        {
            "x": random.normal(size=groups)[place],
            "city": alpha(seed, groups)[place],
            "own": random.normal(size=len(place)),
            "g": [f"{seed} {number}" for number in place],
        }
    )


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("size", [1, 4, 20])
def test_rows_that_a_group_repeats_are_no_evidence(keyed: bool, size: int) -> None:
    group = Column(name="g", kind="category", role="group")
    columns = [Column(name=name, kind="number") for name in ("x", "own")]
    contract = Contract(table={}, columns=(*columns, Column(name="city", kind="category"), group))
    alarms = found = 0
    for seed in range(40):
        old, train, new = (of_groups(3 * seed + part, 600 // size, size) for part in range(3))
        new = new if keyed else new.drop(columns="g")
        known = reference(old, train, contract, np.ones(len(old))).columns
        same = compare_columns(known, new, contract, DRIFT, LEVELS)
        alarms += any(m.drifted or m.fault for m in same)
        new = new.assign(own=new["own"] + 0.6)
        broken = compare_columns(known, new, contract, DRIFT, LEVELS)
        found += next(m.drifted for m in broken if m.column == "own")
    assert alarms <= 5
    assert found >= 39


def test_half_of_the_budget_goes_by_what_a_column_is_worth_to_the_model() -> None:
    columns = tuple(Column(name=name, kind="number") for name in "abcd")
    contract = Contract(table={}, columns=columns)
    random = np.random.default_rng(1)
    old, now = random.normal(0, 1, 2000), random.normal(0.2, 1, 500)
    frame = pd.DataFrame(dict.fromkeys("abcd", old))
    known = reference(frame, frame, contract, np.ones(2000)).columns
    window = pd.DataFrame(dict.fromkeys("abcd", now))
    worth = {"a": 0.3, "b": 0.1, "c": 0.0, "d": -0.1}
    given = compare_columns(known, window, contract, DRIFT, LEVELS, worth=worth)
    alike = compare_columns(known, window, contract, DRIFT, LEVELS)
    shares = [one.p_value / other.p_value for one, other in zip(alike, given, strict=True)]
    assert shares == pytest.approx([2.0, 1.0, 0.5, 0.5])
    assert [one.importance for one in given] == pytest.approx([0.75, 0.25, 0, 0])


def test_a_season_that_brings_half_as_much_again_is_no_other_unit() -> None:
    faults = 0
    for seed in range(40):
        grown = np.random.default_rng(seed).uniform(1.3, 3)
        if min(abs(np.log(grown / unit)) for unit in (1.6093, 2.2046, 2.54)) < 0.03:
            continue
        faults += bool(moved(normal(seed), normal(seed + 99) * grown).fault)
    assert faults == 0
