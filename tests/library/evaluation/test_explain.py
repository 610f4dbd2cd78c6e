"""What a feature is worth, and what moved one prediction: what is chance or unseen is no reason."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assessed import TASKS, assess, judges, small_model
from ml_lifecycle.data.rows import to_frame
from ml_lifecycle.evaluation.explain import explain, permutation_importances, typical_row
from ml_lifecycle.evaluation.scores import Interval, predict_scores
from ml_lifecycle.service.settings import ServiceSettings


def test_a_column_of_chance_is_worth_nothing_and_the_cause_is_worth_the_most(typed: Any) -> None:
    seen = assess(*typed("regression"))
    test, task = seen.test, seen.task
    table = {row.feature: row for row in seen.evaluation.importances}
    assert next(iter(table)) == "usage"
    assert table["usage"].importance.low > 0
    assert table["usage"].missing == pytest.approx(test["usage"].isna().mean())
    assert (table["usage"].milliseconds, table["plan"].milliseconds) == (0.25, None)
    constant = small_model(test.assign(ratio=0.0), task)
    found = permutation_importances(judges(constant, test), test, task, {})
    (idle,) = [row for row in found if row.feature == "ratio"]
    assert idle.importance == Interval(0, 0, 0)


@pytest.mark.parametrize("kind", TASKS)
def test_three_rows_are_explained_from_the_highest_guess_to_the_lowest(
    kind: str, typed: Any
) -> None:
    seen = assess(*typed(kind))
    examples = seen.evaluation.examples
    y_pred = predict_scores(seen.model, seen.test, seen.task.classes)
    height = y_pred.max(axis=1) if y_pred.ndim == 2 else y_pred
    shown = [example.y_pred for example in examples]
    assert shown[0] == pytest.approx(height.max())
    assert shown[2] == pytest.approx(height.min())
    assert shown[0] > shown[1] > shown[2]
    for example in examples:
        sizes = [abs(reason.moved) for reason in example.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert list(example.row) == seen.task.contract.features


@pytest.mark.parametrize("kind", TASKS)
def test_what_moves_a_guess_by_less_than_can_be_seen_is_no_reason(kind: str, typed: Any) -> None:
    seen = assess(*typed(kind))
    model, test, task = seen.model, seen.test, seen.task
    usual = to_frame(task.contract, [typical_row(test, task.contract)])
    low, high = np.quantile(predict_scores(model, test, task.classes), [0.1, 0.9], axis=0)
    assert seen.evaluation.visible == pytest.approx(0.05 * np.mean(high - low))
    named, left_out = 0, 0
    for place, visible in itertools.product(range(10), (0.0, seen.evaluation.visible)):
        row = test[task.contract.features].iloc[[place]].reset_index(drop=True)
        found = explain(model, row, usual, task.classes, visible)
        moved = {}
        for name in row:
            swapped = row.assign(**{str(name): usual[name]})
            y_pred = np.atleast_2d(predict_scores(model, swapped, task.classes))[0]
            top = task.classes.index(found.of) if kind == "multiclass" else 0
            moved[name] = abs(found.y_pred - y_pred[top])
        least = max(visible, 0.05 * max(moved.values()))
        columns = [reason.column for reason in found.reasons]
        assert set(columns) == {name for name, size in moved.items() if size > least}
        named, left_out = named + len(columns), left_out + len(row.columns) - len(columns)
    assert min(named, left_out) >= 20


def test_a_row_in_which_nothing_stands_out_has_no_reason(typed: Any) -> None:
    seen = assess(*typed("binary"))
    usual = to_frame(seen.task.contract, [typical_row(seen.test, seen.task.contract)])
    found = explain(seen.model, usual, usual, seen.task.classes, seen.evaluation.visible)
    assert (found.reasons, found.y_pred) == ([], pytest.approx(found.typical))


def test_an_example_is_a_row_that_the_service_takes(typed: Any) -> None:
    settings, rows = typed("regression")
    before = assess(settings, rows).evaluation.examples[0].row["usage"]
    service = ServiceSettings(max_number=before - 0.001)
    seen = assess(settings.model_copy(update={"service": service}), rows)
    assert seen.test["usage"].max() > service.max_number
    assert all((e.row["usage"] or 0) < before for e in seen.evaluation.examples)


def test_the_typical_row_has_whole_numbers_where_the_contract_wants_them(typed: Any) -> None:
    _, (_, contract) = typed("binary")
    rows = pd.DataFrame({c.name: [None] * 4 for c in contract.with_role("feature")})
    rows["calls"], rows["ratio"] = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]
    found = typical_row(rows, contract)
    assert (found["calls"], found["ratio"], found["plan"]) == (2.0, 2.5, None)
