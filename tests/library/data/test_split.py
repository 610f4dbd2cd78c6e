"""No row and no group stands on both sides of a split, and time only runs forward."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.data.settings import DataSettings
from ml_lifecycle.data.split import Fold, Split, check_apart, row_hashes, split_rows
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.model.folds import cv_folds
from ml_lifecycle.tables.read import DataError
from project.settings import Settings


def table_of(typed: Any, **data: Any) -> tuple[pd.DataFrame, Contract, Settings]:
    asked, (frame, contract) = typed("binary")
    changed = asked.data.model_copy(update=data)
    return frame, contract, asked.model_copy(update={"data": changed})


def folds_of(frame: pd.DataFrame, contract: Contract, asked: Settings) -> list[Fold]:
    """Return the folds that a search on these rows would have."""
    contract, training = contract.assign_roles(asked.data), asked.training
    ordered = asked.data.ordered
    return list(cv_folds(frame, contract, training.folds, training.seed, ordered))


@pytest.mark.parametrize("group", ["customer", ""])
@pytest.mark.parametrize("time", ["since", ""])
def test_no_row_and_no_group_on_both_sides(typed: Any, group: str, time: str) -> None:
    frame, contract, asked = table_of(typed, group=group, time=time)
    parts = split_rows(frame, contract, asked.data)
    check_apart(frame, parts, group)
    assert not set(parts.train) & set(parts.test)
    if not time:
        assert len(parts.folds) == 1
    else:
        assert frame[time].iloc[parts.train].max() < frame[time].iloc[parts.test].min()


@settings(max_examples=40, deadline=None)
@given(
    groups=st.integers(3, 60), rows=st.integers(200, 400), days=st.integers(4, 90),
    share=st.floats(0.05, 0.5), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_with_time_and_groups_each_late_row_is_judged_once_by_other_groups_past(
    groups: int, rows: int, days: int, share: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "day": random.integers(0, days, rows).astype(float),
            "who": [f"g{n}" for n in random.integers(0, groups, rows)],
            "y": np.where(random.random(rows) < 0.5, "no", "yes"),
        }
    )
    columns = (
        Column(name="day", kind="number", role="time"),
        Column(name="who", kind="category", role="group"),
        Column(name="y", kind="category", role="target", categories=("no", "yes")),
    )
    data = DataSettings(source="t", target="y", time="day", group="who", test_share=share)
    try:
        parts = split_rows(frame, Contract(table={}, columns=columns), data)
    except DataError:
        return  # too few rows on one side, which is said
    late = np.concatenate([judged for _, judged in parts.folds])
    assert sorted(late) == parts.test.tolist()
    assert sorted([*parts.train, *parts.test]) == list(range(rows))
    for fitted, judged in parts.folds:
        assert not set(frame["who"].iloc[fitted]) & set(frame["who"].iloc[judged])
        assert frame["day"].iloc[fitted].max() < frame["day"].iloc[parts.test].min()


@pytest.mark.parametrize("group", ["customer", ""])
@pytest.mark.parametrize("time", ["since", ""])
def test_folds_keep_the_same_promise(typed: Any, group: str, time: str) -> None:
    frame, contract, asked = table_of(typed, group=group, time=time)
    found = folds_of(frame, contract, asked)
    assert len(found) == asked.training.folds
    for train, valid in found:
        check_apart(frame, Split(train, valid, ((train, valid),)), group)
        if time:
            assert frame[time].iloc[train].max() < frame[time].iloc[valid].min()


def test_a_group_is_validated_once_where_groups_are_fewer_than_folds(typed: Any) -> None:
    frame, contract, asked = table_of(typed)
    training = asked.training.model_copy(update={"folds": 9})
    many = asked.model_copy(update={"training": training})
    few = frame.assign(customer=np.resize(["a", "b", "c"], len(frame)))
    valid = [set(few["customer"].iloc[late]) for _, late in folds_of(few, contract, many)]
    assert sorted(map(sorted, valid)) == [["a"], ["b"], ["c"]]


def test_a_training_part_of_one_group_is_refused(typed: Any) -> None:
    frame, contract, asked = table_of(typed)
    few = frame.assign(customer=np.resize(["a", "b"], len(frame)))
    with pytest.raises(DataError, match="'customer': all training rows have one value; choose"):
        split_rows(few, contract, asked.data)


@pytest.mark.parametrize("group", ["customer", ""])
def test_a_test_row_stays_one_when_the_table_grows_or_is_reordered(typed: Any, group: str) -> None:
    frame, contract, asked = table_of(typed, group=group)
    half = frame.iloc[:400]
    before = set(row_hashes(half.iloc[split_rows(half, contract, asked.data).test]))
    grown = frame.sample(frac=1, random_state=0)
    after = set(row_hashes(grown.iloc[split_rows(grown, contract, asked.data).test]))
    assert before <= after
    assert not after & (set(row_hashes(half)) - before)


def test_a_fingerprint_depends_on_the_row_alone() -> None:
    days = pd.to_datetime(["2024-01-01 00:00", "2024-01-02 10:30"])
    frame = pd.DataFrame({"at": days, "x": [1.0, np.nan], "c": ["a", np.nan]})
    alone = [row_hashes(frame.iloc[[row]])[0] for row in range(2)]
    assert row_hashes(frame).tolist() == alone


def test_equal_rows_stand_on_one_side(typed: Any) -> None:
    frame, contract, asked = table_of(typed, group="")
    parts = split_rows(pd.concat([frame, frame], ignore_index=True), contract, asked.data)
    assert set(parts.test % len(frame)).isdisjoint(parts.train % len(frame))


def test_planted_overlaps_are_found(typed: Any) -> None:
    frame, contract, asked = table_of(typed)
    parts = split_rows(frame, contract, asked.data)
    folds = ((parts.train, np.append(parts.test, parts.train[0])),)
    with pytest.raises(CheckFailed, match="a row is on both sides"):
        check_apart(frame, Split(parts.train, parts.test, folds), "")
    mixed = frame.assign(customer="one and the same")
    with pytest.raises(CheckFailed, match="1 values of 'customer'"):
        check_apart(mixed, parts, "customer")


def test_a_test_part_of_one_class_is_refused(typed: Any) -> None:
    frame, contract, asked = table_of(typed, group="", time="since")
    late = frame["since"] > frame["since"].quantile(0.5)
    with pytest.raises(DataError, match="have the value 'no'"):
        split_rows(frame.assign(target=frame["target"].mask(late, "no")), contract, asked.data)
