"""What follows the time is found, in any spelling; what only looks so by chance is not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.calendar import follow_time
from ml_lifecycle.data.contract import Column, Contract, Kind, load_contract
from world import check

ROWS = 1500
MOMENTS = pd.Series(pd.date_range("2022-03-05", periods=ROWS, freq="11h").astype("datetime64[s]"))
RANDOM = np.random.default_rng(5)
SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring"}


def told(values: Any, kind: Kind = "category", moments: Any = MOMENTS) -> str:
    """Return how a column follows the time; moments: None where the order of the rows is it."""
    columns = [Column(name="it", kind=kind)]
    frame = pd.DataFrame({"it": values})
    if moments is not None:
        frame = frame.assign(t=moments)
        dated = pd.api.types.is_datetime64_any_dtype(frame["t"])
        columns.append(Column(name="t", kind="date" if dated else "number", role="time"))
    contract = Contract(table={}, columns=tuple(columns))
    found = follow_time(frame, contract, ordered=moments is None)
    return found["it"].how if found else ""


@pytest.mark.parametrize(
    ("values", "kind", "how"),
    [
        (MOMENTS.dt.year.astype(str), "category", "is the year of 't'"),
        (MOMENTS.dt.quarter.map("Q{}".format), "category", "is the quarter of 't'"),
        (MOMENTS.dt.month.astype("float64"), "integer", "is the month of 't'"),
        (MOMENTS.dt.month_name(), "category", "is the month of 't'"),
        (MOMENTS.dt.strftime("%V"), "category", "is the ISO week of 't'"),
        (MOMENTS.dt.day_name("C"), "category", "is the weekday of 't'"),
        (MOMENTS.dt.day.astype("float64"), "integer", "is the day of 't'"),
        (MOMENTS.dt.day_of_year.astype("float64"), "integer", "is the day of the year of 't'"),
        (MOMENTS.dt.hour.astype("float64"), "integer", "is the hour of 't'"),
        (np.sin(MOMENTS.dt.hour / 3.82), "number", "is the hour of 't'"),
        (MOMENTS.dt.strftime("%b %Y"), "category", "is the month with its year of 't'"),
        (MOMENTS.dt.strftime("%d.%m.%Y"), "text", "is the date of 't'"),
        (MOMENTS.dt.normalize(), "date", "is the date of 't'"),
        (MOMENTS.dt.month.map(SEASONS).fillna("warm"), "category", "follows from the month of 't'"),
        (MOMENTS.dt.day_of_week > 4, "boolean", "follows from the weekday of 't'"),
        (np.arange(ROWS) * 7.0, "number", "rises with 't'"),
        (-(np.arange(ROWS) // 30.0), "integer", "falls with 't'"),
    ],
)
def test_what_follows_a_date_is_found(values: Any, kind: Kind, how: str) -> None:
    assert told(values, kind) == how
    mixed = np.random.default_rng(0).permutation(ROWS)
    assert told(np.asarray(values)[mixed], kind, MOMENTS.to_numpy()[mixed]) == how


def test_a_gap_or_a_clock_that_is_an_hour_off_hides_nothing() -> None:
    months = (MOMENTS + pd.Timedelta(hours=1)).dt.month_name().astype(object)
    months[::9] = None
    assert told(months) == "is the month of 't'"


@pytest.mark.parametrize(
    ("values", "moments", "how"),
    [
        (np.arange(ROWS) // 100 * 1.0, np.arange(ROWS) * 1.0, "rises with 't'"),
        (2020.0 + np.arange(ROWS) // 750, None, "rises with the order of the rows"),
        (1.0 + np.arange(ROWS) // 50 % 12, np.arange(ROWS) // 50 * 1.0, "follows from 't'"),
        (
            1.0 + np.arange(ROWS) // 50 % 12,
            None,
            "keeps one value for long stretches of the order of the rows",
        ),
    ],
)
def test_what_follows_a_number_or_the_order_of_rows_is_found(
    values: Any, moments: Any, how: str
) -> None:
    assert told(values, "integer", moments) == how


def test_few_moments_are_enough() -> None:
    moments = pd.Series(pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"] * 100))
    assert told(moments.dt.month.astype("float64"), "integer", moments) == "is the month of 't'"
    assert told(moments.dt.year.astype("float64"), "integer", moments) == ""


def rarely(seed: int) -> np.ndarray:
    """Return a column of which a hundredth has a second value, all of it at the end."""
    return np.where(np.arange(ROWS) > ROWS * 0.99, "b", "a")


CHANCE: list[Callable[[int], Any]] = [
    lambda seed: np.random.default_rng(seed).normal(size=ROWS),
    lambda seed: np.random.default_rng(seed).integers(0, 2, ROWS).astype("float64"),
    lambda seed: np.random.default_rng(seed).integers(0, 12, ROWS).astype("float64"),
    lambda seed: (np.random.default_rng(seed).random(ROWS) < 0.06).astype("float64"),
    lambda seed: np.random.default_rng(seed).integers(0, ROWS, ROWS).astype("float64"),
    rarely,
]
CLOCKS: list[Any] = [
    MOMENTS,
    MOMENTS.dt.normalize(),
    pd.to_datetime(MOMENTS.dt.year.astype(str)),
    pd.Series(pd.date_range("2024-01-01", periods=ROWS, freq="30D").astype("datetime64[s]")),
    MOMENTS.dt.year.astype("float64"),
    np.arange(ROWS) // 2 * 1.0,
    None,
]


@pytest.mark.parametrize("draw", CHANCE)
@pytest.mark.parametrize("clock", range(len(CLOCKS)))
def test_what_has_nothing_to_do_with_the_time_is_not_found(
    draw: Callable[[int], Any], clock: int
) -> None:
    kind: Kind = "category" if draw is rarely else "integer"
    moments = CLOCKS[clock]
    for seed in range(5):
        for rows in (12, 40, ROWS):
            few = None if moments is None else pd.Series(moments)[:rows]
            assert told(draw(seed)[:rows], kind, few) == ""


def test_copies_of_rows_and_days_in_one_place_are_not_taken_for_the_calendar() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=ROWS).astype("datetime64[s]"))
    copied = np.append(np.arange(ROWS), np.arange(100))
    values = np.random.default_rng(0).normal(size=ROWS)
    assert told(values[copied], "number", days[copied].to_numpy()) == ""
    towns = np.random.default_rng(0).choice(["a", "b", "c", "d"], ROWS // 3)
    assert told(np.repeat(towns, 3), "category", days[: ROWS // 3].repeat(3).to_numpy()) == ""


def calendar_table() -> pd.DataFrame:
    score = RANDOM.normal(size=ROWS)
    return pd.DataFrame(
        {
            "t": MOMENTS,
            "month": MOMENTS.dt.month_name("C"),
            "year": MOMENTS.dt.year,
            "x": score + RANDOM.normal(size=ROWS),
            "target": np.where(score > 0, "y", "n"),
        }
    )


def test_check_data_says_so_and_flags_the_column_in_the_first_contract(project: Any) -> None:
    settings = project(calendar_table(), time="t", group="", sensitive=(), ignore=())
    found = {finding.column: finding.text for finding in check(settings).findings}
    assert found["month"].startswith("is the month of 't': a window holds only some of its values")
    assert "the drift check does not compare it; add it to `ignore`" in found["month"]
    assert found["year"].startswith("is the year of 't': a model cannot learn from values that")
    contract = load_contract(settings.project.contract_path)
    assert [c.name for c in contract.columns if c.follows_time] == ["month", "year"]
    text = settings.project.contract_path.read_text()
    assert text.count("follows_time") == 2


def test_a_contract_that_is_there_is_not_changed_and_the_way_out_is_named(project: Any) -> None:
    settings = project(calendar_table(), time="t", group="", sensitive=(), ignore=())
    check(settings)
    text = settings.project.contract_path.read_text().replace("  follows_time: true\n", "")
    settings.project.contract_path.write_text(text)
    checked = check(settings)
    assert settings.project.contract_path.read_text() == text
    assert not checked.changes
    found = {finding.column: finding.text for finding in checked.findings}
    assert "with `follows_time: true` in contract.yaml" in found["month"]


def test_a_long_check_says_how_far_it_is_and_a_quick_one_does_not(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = project(calendar_table(), time="t", group="", sensitive=(), ignore=())
    said: list[tuple[str, int, int]] = []
    for seconds in (3600.0, 0.0):
        monkeypatch.setattr("ml_lifecycle.data.check.PATIENCE", seconds)
        check(settings, progress=lambda *step: said.append(step))
        assert bool(said) == (seconds == 0)
    assert "what is doubtful" in [what for what, _, _ in said]
    assert said[-1] == ("the table is checked", 5, 5)
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said)
