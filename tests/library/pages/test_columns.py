"""The picture of one column, whatever its values are; the periods that it is drawn over."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.pages.columns import PERIODS, draw, periods

MOMENTS = st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01"))
VALUES = {
    "numbers": (st.floats(-1e300, 1e300) | st.none(), "float64"),
    "whole numbers": (st.integers(-(2**53), 2**53).map(float) | st.none(), "float64"),
    "dates": (MOMENTS | st.none(), "datetime64[s]"),
    "words": (st.text(max_size=60) | st.none(), object),
}


@pytest.mark.parametrize("kind", VALUES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_whatever_the_values_are_there_is_a_picture_if_any_is_there(kind: str, data: Any) -> None:
    some, dtype = VALUES[kind]
    values = pd.Series(data.draw(st.lists(some, min_size=1, max_size=30)), dtype=dtype)
    when = pd.Series(np.arange(len(values)) // 3)
    there = (values.notna() & values.ne("")).any()
    for over in (None, when):
        assert ("<svg" in draw("x", values, over, 0)) == there


def test_what_is_drawn_of_numbers_is_median_and_quartiles_of_categories_shares() -> None:
    when = pd.Series(np.repeat([0, 1], 50))
    assert "median and quartiles" in draw("x", pd.Series(np.arange(100.0)), when, 1)
    words = draw("x", pd.Series([f"w{n % 9}" for n in range(100)]), when, 1)
    assert "share in % over time" in words
    assert "4 others" in words


def test_what_lies_far_out_is_drawn_in_and_that_is_said() -> None:
    values = pd.Series([*range(1000), 1e9], dtype="float64")
    assert "outermost" in draw("x", values, None, None)
    assert "outermost" not in draw("x", values[:-1], None, None)


@settings(max_examples=30, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=2, max_size=60, unique=True))
def test_the_periods_are_few_in_order_and_those_of_their_rows(moments: list[Any]) -> None:
    rows = pd.DataFrame({"t": pd.Series(moments, dtype="datetime64[s]")})
    when = periods(rows, "t", ordered=False)
    if when is not None:
        assert when.nunique() <= PERIODS
        assert when[rows["t"].argsort()].is_monotonic_increasing


@pytest.mark.parametrize(("days", "found"), [(20, 20), (250, 36), (1000, 33), (20_000, PERIODS)])
def test_the_finest_period_of_which_there_are_few_is_taken(days: int, found: int) -> None:
    rows = pd.DataFrame({"t": pd.date_range("2020-01-01", periods=days)})
    when = periods(rows, "t", ordered=False)
    assert when is not None
    assert when.nunique() == found


def test_without_a_column_of_time_the_order_of_the_rows_is_it_if_it_is_said_to_be() -> None:
    rows = pd.DataFrame({"x": np.zeros(1000)})
    assert periods(rows, "", ordered=False) is None
    when = periods(rows, "", ordered=True)
    assert when is not None
    assert when.nunique() == PERIODS
    assert when.is_monotonic_increasing
