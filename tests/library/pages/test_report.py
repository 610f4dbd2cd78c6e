"""The page about a model: whole, small, and alone; and features, reasons and ageing behind it."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.contract import Contract
from ml_lifecycle.data.rows import to_frame
from ml_lifecycle.evaluation.explain import explain, permutation_importances, typical_row
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.evaluation.task import Task
from ml_lifecycle.pages.render import render
from ml_lifecycle.pages.report import report_page
from project.evaluation import Evaluation, evaluate
from project.features import features as matrix
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

TASKS = ["binary", "multiclass", "regression"]
SECTIONS = ["Scores", "Complexity", "worth", "Calibration", "For whom", "feature", "Why", "ages"]
SEARCH = [
    {"candidate": c, "score": s, "best": b, "expected": e, "seconds": 0.1}
    for c, s, b, e in [("linear", 0.7, 0.7, float("nan")), ("trees", 0.6, 0.7, 0.001)]
]
LADDER = [
    {"candidate": c, "score": s, "standard_error": 0.01, "seconds": 0.1, "params": ""}
    for c, s in [("baseline", 0.5), ("linear", 0.7), ("trees", 0.71)]
]


def fit(rows: pd.DataFrame, task: Task) -> Pipeline:
    kind = task.contract.task
    estimator = (
        HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
    )
    steps = [("features", matrix(task.contract, "trees")), ("model", estimator(max_iter=20))]
    return Pipeline(steps).fit(rows, rows[task.contract.target.name])


@pytest.fixture(scope="session")
def assessed(typed: Any) -> Any:
    """Evaluate a small model of a kind; (evaluation, model, training rows, test rows, problem)."""

    def make(kind: str, **options: Any) -> tuple[Evaluation, Pipeline, pd.DataFrame, Task]:
        settings, (frame, contract) = typed(kind)
        task = Task(contract, settings.model_copy(update=options))
        parts = split_rows(frame, contract, settings.data)
        rows, test = frame.iloc[parts.train], frame.iloc[parts.test].reset_index(drop=True)
        model = fit(rows, task)
        y_pred = predict_scores(model, test, task.classes)
        threshold = 0.4 if kind == "binary" else None
        plain = None if kind == "regression" else y_pred
        evaluation = evaluate(
            model, test, task, threshold, 0.0, plain, (y_pred, threshold), {"usage": 0.25}
        )
        ages = [
            {"age": 10.0 * n, "unit": "days", "score": 0.5, "low": 0.4, "high": 0.6}
            for n in range(3)
        ]
        more = {"baseline": -0.6, "choice": "linear stays", "ladder": LADDER, "search": SEARCH}
        evaluation |= more | {"min_gain": 0.002, "staleness": ages}
        return evaluation, model, test, task

    return make


@pytest.mark.parametrize("kind", TASKS)
def test_the_page_is_one_file_without_script_that_fetches_nothing(kind: str, assessed: Any) -> None:
    evaluation, *_ = assessed(kind)
    text = report_page(evaluation, "A model", "EUR")
    assert len(text.encode()) < 2_000_000
    assert "<script" not in text.lower()
    assert not re.findall(r"(?:src|href|xlink:href)\s*=\s*[\"'](?!#)", text)
    assert not re.findall(r"url\((?!#)|@import", text)
    assert not re.findall(r"<(?:link|iframe|object|embed|img|form|base)\b", text)


@pytest.mark.parametrize("kind", TASKS)
def test_the_page_has_every_section_score_and_feature(kind: str, assessed: Any) -> None:
    evaluation, *_ = assessed(kind)
    text = report_page(evaluation, "A model", "EUR")
    heads = " ".join(re.findall(r"<h2>(.*?)</h2>", text))
    assert all(word in heads for word in SECTIONS)
    assert all(f"<td>{name}</td>" in text for name in evaluation.scores)
    assert all(f"<td>{row['feature']}</td>" in text for row in evaluation.importances)
    assert "0.25" in text  # milliseconds of usage
    assert text.count("<svg") == text.count('role="img" aria-label="')


def test_a_page_of_a_thousand_slices_stays_under_two_megabytes(assessed: Any) -> None:
    evaluation, *_ = assessed("binary")
    evaluation.slices = evaluation.slices * (1000 // len(evaluation.slices) + 1)
    evaluation.importances = evaluation.importances * 100
    assert len(report_page(evaluation, "A model", "EUR").encode()) < 2_000_000


def test_what_a_table_says_is_never_markup(assessed: Any) -> None:
    evaluation, *_ = assessed("binary")
    evil = "<script>alert(1)</script> $\\frac$"
    for part in evaluation.slices:
        part["value"] = part["column"] = evil
    evaluation.importances[0]["feature"] = evil
    evaluation.ladder = [LADDER[0] | {"candidate": evil}]
    evaluation.slice_floors = [
        {"slice": evil, "rows": 1, "floor": 0.5, "score": None, "passed": False}
    ]
    text = report_page(
        evaluation
        | {"failed_floors": [evil], "choice": evil, "gaps": {evil: {evaluation.metric: None}}},
        evil,
        evil,
    )
    assert "<script" not in text


def test_a_missed_floor_is_said_at_the_top(assessed: Any) -> None:
    evaluation, *_ = assessed("binary", slices={"plan == 'basic'": 0.0, "usage > 1e9": -1.0})
    below, unknown = evaluation.failed_floors
    assert "plan == 'basic'" in below
    assert "0 test rows" in unknown
    top = report_page(evaluation, "A model", "EUR").split("<h2>")[0]
    assert "2 missed" in top
    assert "plan == " in top


def test_a_column_of_chance_is_worth_nothing_and_the_cause_is_worth_the_most(assessed: Any) -> None:
    evaluation, _, test, task = assessed("regression")
    table = {row["feature"]: row for row in evaluation.importances}
    assert next(iter(table)) == "usage"
    assert table["usage"]["importance"]["low"] > 0
    assert table["usage"]["missing"] == pytest.approx(test["usage"].isna().mean())
    assert (table["usage"]["milliseconds"], table["plan"]["milliseconds"]) == (0.25, None)
    constant = fit(test.assign(ratio=0.0), task)
    (idle,) = [
        r for r in permutation_importances(constant, test, task, {}) if r["feature"] == "ratio"
    ]
    assert idle["importance"] == {"value": 0, "low": 0, "high": 0}
    assert "<code>ratio</code>" in report_page(
        evaluation | {"importances": [idle]}, "A model", "EUR"
    )


@pytest.mark.parametrize("kind", TASKS)
def test_three_rows_are_explained_from_the_highest_guess_to_the_lowest(
    kind: str, assessed: Any
) -> None:
    evaluation, model, test, task = assessed(kind)
    y_pred = predict_scores(model, test, task.classes)
    height = y_pred.max(axis=1) if y_pred.ndim == 2 else y_pred
    shown = [example["y_pred"] for example in evaluation.examples]
    assert shown[0] == pytest.approx(height.max())
    assert shown[2] == pytest.approx(height.min())
    assert shown[0] > shown[1] > shown[2]
    for example in evaluation.examples:
        sizes = [abs(reason["moved"]) for reason in example["reasons"]]
        assert sizes == sorted(sizes, reverse=True)
        assert list(example["row"]) == task.contract.features


@pytest.mark.parametrize("kind", TASKS)
def test_what_moves_a_guess_by_less_than_can_be_seen_is_no_reason(kind: str, assessed: Any) -> None:
    evaluation, model, test, task = assessed(kind)
    usual = to_frame(task.contract, [typical_row(test, task.contract)])
    low, high = np.quantile(predict_scores(model, test, task.classes), [0.1, 0.9], axis=0)
    assert evaluation.visible == pytest.approx(0.05 * np.mean(high - low))
    named, left_out = 0, 0
    for place, visible in itertools.product(range(10), (0.0, evaluation.visible)):
        row = test[task.contract.features].iloc[[place]].reset_index(drop=True)
        found = explain(model, row, usual, task.classes, visible)
        moved = {}
        for name in row:
            swapped = row.assign(**{str(name): usual[name]})
            y_pred = np.atleast_2d(predict_scores(model, swapped, task.classes))[0]
            top = task.classes.index(found["of"]) if kind == "multiclass" else 0
            moved[name] = abs(found["y_pred"] - y_pred[top])
        least = max(visible, 0.05 * max(moved.values()))
        columns = [reason["column"] for reason in found["reasons"]]
        assert set(columns) == {name for name, size in moved.items() if size > least}
        named, left_out = named + len(columns), left_out + len(row.columns) - len(columns)
    assert min(named, left_out) >= 20


def test_a_row_in_which_nothing_stands_out_has_no_reason_and_the_page_says_so(
    assessed: Any,
) -> None:
    evaluation, model, test, task = assessed("binary")
    usual = to_frame(task.contract, [typical_row(test, task.contract)])
    found = explain(model, usual, usual, task.classes, evaluation.visible)
    assert (found["reasons"], found["y_pred"]) == ([], pytest.approx(found["typical"]))
    example = evaluation.examples[0] | found
    assert "Nothing stands out" in report_page(
        evaluation | {"examples": [example]}, "A model", "EUR"
    )


def test_an_example_is_a_row_that_the_service_takes(assessed: Any) -> None:
    before = assessed("regression")[0]["examples"][0]["row"]["usage"]
    service = ServiceSettings(max_number=before - 0.001)
    evaluation, _, test, _ = assessed("regression", service=service)
    assert test["usage"].max() > service.max_number
    assert all((e["row"]["usage"] or 0) < before for e in evaluation.examples)


def test_the_typical_row_has_whole_numbers_where_the_contract_wants_them(assessed: Any) -> None:
    *_, task = assessed("binary")
    rows = pd.DataFrame({c.name: [None] * 4 for c in task.contract.with_role("feature")})
    rows["calls"], rows["ratio"] = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]
    found = typical_row(rows, task.contract)
    assert (found["calls"], found["ratio"], found["plan"]) == (2.0, 2.5, None)


def aged(typed: Any, change: Any, **data: Any) -> tuple[pd.DataFrame, pd.DataFrame, Task]:
    """Rows in order of time in which what matters changes with `change(share of time)`."""
    settings, (frame, contract) = typed("regression")
    settings = settings.model_copy(update={"data": settings.data.model_copy(update=data)})
    frame = frame.sort_values("since", ignore_index=True)
    passed = np.linspace(0, 1, len(frame))
    frame["target"] = frame["usage"].fillna(50) * change(passed)
    contract = Contract(table={}, columns=contract.columns)
    return frame.iloc[:600], frame.iloc[600:].reset_index(drop=True), Task(contract, settings)


def test_where_the_world_changes_older_rows_make_a_worse_model(typed: Any) -> None:
    rows, test, task = aged(typed, lambda passed: 1 + 3 * passed, time="since")
    curve = staleness_curve(
        lambda part: fit(part, task), rows.sample(frac=1, random_state=0), test, task
    )
    assert len(curve) == 5
    assert [point["age"] for point in curve] == sorted({point["age"] for point in curve})
    assert curve[0]["age"] == 0
    assert 60 < curve[-1]["age"] < 120
    assert curve[-1]["high"] < curve[0]["low"]
    assert all(point["low"] <= point["score"] <= point["high"] for point in curve)


def test_where_there_is_no_order_in_time_there_is_no_ageing(typed: Any) -> None:
    rows, test, task = aged(typed, lambda passed: 1)
    assert staleness_curve(lambda part: fit(part, task), rows, test, task) == []
    rows, test, task = aged(typed, lambda passed: 1, ordered=True)
    curve = staleness_curve(lambda part: fit(part, task), rows, test, task)
    assert [point["age"] for point in curve] == [0, 12.5, 25, 37.5, 50]


def test_a_template_says_when_a_value_is_not_there() -> None:
    with pytest.raises(Exception, match="evaluation"):
        render("evaluation/report.html", title="A model", lead="")
    assert Path(render.__code__.co_filename).with_name("report.html").is_file()
