"""Where the world changes a model ages, and where there is no order in time nothing is said."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from assessed import small_model
from ml_lifecycle.evaluation.staleness import staleness_curve
from ml_lifecycle.evaluation.task import Task


def aged(typed: Any, change: Any, **data: Any) -> tuple[pd.DataFrame, pd.DataFrame, Task]:
    """Rows in order of time in which what matters changes with `change(share of time)`."""
    settings, (frame, contract) = typed("regression")
    settings = settings.model_copy(update={"data": settings.data.model_copy(update=data)})
    frame = frame.sort_values("since", ignore_index=True)
    passed = np.linspace(0, 1, len(frame))
    frame["target"] = frame["usage"].fillna(50) * change(passed)
    task = settings.task(contract.assign_roles(settings.data))
    return frame.iloc[:600], frame.iloc[600:].reset_index(drop=True), task


def test_where_the_world_changes_older_rows_make_a_worse_model(typed: Any) -> None:
    rows, test, task = aged(typed, lambda passed: 1 + 3 * passed, time="since")
    curve = staleness_curve(
        partial(small_model, task=task), rows.sample(frac=1, random_state=0), test, task
    )
    assert len(curve) == 5
    assert [point.age for point in curve] == sorted({point.age for point in curve})
    assert curve[0].age == 0
    assert 60 < curve[-1].age < 120
    assert curve[-1].high < curve[0].low
    assert all(point.low <= point.score <= point.high for point in curve)


def test_where_there_is_no_order_in_time_there_is_no_ageing(typed: Any) -> None:
    rows, test, task = aged(typed, lambda passed: 1)
    assert staleness_curve(partial(small_model, task=task), rows, test, task) == []
    rows, test, task = aged(typed, lambda passed: 1, ordered=True)
    curve = staleness_curve(partial(small_model, task=task), rows, test, task)
    assert [point.age for point in curve] == [0, 12.5, 25, 37.5, 50]
