"""No row and no group stands on both sides of a split, and time only runs forward."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Contract
from ml_lifecycle.data.split import Fold, Split, check_apart, cv_folds, row_hashes, split_rows
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.tables.read import DataError
from project.settings import Settings


def given(typed: Any, **data: Any) -> tuple[pd.DataFrame, Contract, Settings]:
    settings, (frame, contract) = typed("binary")
    return (
        frame,
        contract,
        settings.model_copy(update={"data": settings.data.model_copy(update=data)}),
    )


def folds_of(frame: pd.DataFrame, contract: Contract, settings: Settings) -> list[Fold]:
    """Return the folds that a search on these rows would have."""
    contract, training = contract.assign_roles(settings.data), settings.training
    ordered = settings.data.ordered
    return list(cv_folds(frame, contract, training.folds, training.seed, ordered))


@pytest.mark.parametrize("group", ["customer", ""])
@pytest.mark.parametrize("time", ["since", ""])
def test_no_row_and_no_group_on_both_sides(typed: Any, group: str, time: str) -> None:
    frame, contract, settings = given(typed, group=group, time=time)
    parts = split_rows(frame, contract, settings.data)
    check_apart(frame, parts, group)
    keys = row_hashes(frame[[group]]) if group else np.arange(len(frame))
    assert not set(keys[parts.train]) & set(keys[parts.test])
    if time:
        assert frame[time].iloc[parts.train].max() < frame[time].iloc[parts.test].min()


@pytest.mark.parametrize("group", ["customer", ""])
@pytest.mark.parametrize("time", ["since", ""])
def test_folds_keep_the_same_promise(typed: Any, group: str, time: str) -> None:
    frame, contract, settings = given(typed, group=group, time=time)
    found = folds_of(frame, contract, settings)
    assert len(found) == settings.training.folds
    for train, valid in found:
        check_apart(frame, Split(train, valid), group)
        if time:
            assert frame[time].iloc[train].max() < frame[time].iloc[valid].min()


def test_a_group_is_validated_once_where_groups_are_fewer_than_folds(typed: Any) -> None:
    frame, contract, settings = given(typed)
    training = settings.training.model_copy(update={"folds": 9})
    many = settings.model_copy(update={"training": training})
    few = frame.assign(customer=np.resize(["a", "b", "c"], len(frame)))
    valid = [set(few["customer"].iloc[late]) for _, late in folds_of(few, contract, many)]
    assert sorted(map(sorted, valid)) == [["a"], ["b"], ["c"]]


def test_a_training_part_of_one_group_is_refused(typed: Any) -> None:
    frame, contract, settings = given(typed)
    few = frame.assign(customer=np.resize(["a", "b"], len(frame)))
    with pytest.raises(DataError, match="'customer': all training rows have one value; choose"):
        split_rows(few, contract, settings.data)


@pytest.mark.parametrize("group", ["customer", ""])
def test_a_test_row_stays_one_when_the_table_grows_or_is_reordered(typed: Any, group: str) -> None:
    frame, contract, settings = given(typed, group=group)
    half = frame.iloc[:400]
    before = set(row_hashes(half.iloc[split_rows(half, contract, settings.data).test]))
    grown = frame.sample(frac=1, random_state=0)
    after = set(row_hashes(grown.iloc[split_rows(grown, contract, settings.data).test]))
    assert before <= after
    assert not after & (set(row_hashes(half)) - before)


def test_a_fingerprint_depends_on_the_row_alone() -> None:
    days = pd.to_datetime(["2024-01-01 00:00", "2024-01-02 10:30"])
    frame = pd.DataFrame({"at": days, "x": [1.0, np.nan], "c": ["a", np.nan]})
    alone = [row_hashes(frame.iloc[[row]])[0] for row in range(2)]
    assert row_hashes(frame).tolist() == alone


def test_equal_rows_stand_on_one_side(typed: Any) -> None:
    frame, contract, settings = given(typed, group="")
    parts = split_rows(pd.concat([frame, frame], ignore_index=True), contract, settings.data)
    assert set(parts.test % len(frame)).isdisjoint(parts.train % len(frame))


def test_planted_overlaps_are_found(typed: Any) -> None:
    frame, contract, settings = given(typed)
    parts = split_rows(frame, contract, settings.data)
    with pytest.raises(CheckFailed, match="a row is on both sides"):
        check_apart(frame, Split(parts.train, np.append(parts.test, parts.train[0])), "")
    mixed = frame.assign(customer="one and the same")
    with pytest.raises(CheckFailed, match="1 values of 'customer'"):
        check_apart(mixed, parts, "customer")


def test_a_test_part_of_one_class_is_refused(typed: Any) -> None:
    frame, contract, settings = given(typed, group="", time="since")
    late = frame["since"] > frame["since"].quantile(0.5)
    with pytest.raises(DataError, match="have the value 'no'"):
        split_rows(frame.assign(target=frame["target"].mask(late, "no")), contract, settings.data)
