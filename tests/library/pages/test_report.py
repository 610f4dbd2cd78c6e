"""The page about a model: whole, small, and alone."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from assessed import LADDER, TASKS, assess
from ml_lifecycle.evaluation.evaluation import Evaluation
from ml_lifecycle.evaluation.scores import Interval
from ml_lifecycle.evaluation.slices import FloorCheck
from ml_lifecycle.pages.report import report_page
from world import project_at

SECTIONS = ["Scores", "Complexity", "worth", "Calibration", "For whom", "feature", "Why", "ages"]


@pytest.fixture(scope="module")
def evaluation(typed: Any) -> Evaluation:
    return assess(*typed("binary")).evaluation


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., str]:
    """Return the page about an evaluation."""

    def show(evaluation: Evaluation, title: str = "A model") -> str:
        return report_page(evaluation, project_at(tmp_path), title)

    return show


@pytest.mark.parametrize("kind", TASKS)
def test_the_page_is_one_file_without_script_that_fetches_nothing(
    kind: str, typed: Any, page: Any
) -> None:
    evaluation = assess(*typed(kind)).evaluation
    text = page(evaluation)
    assert len(text.encode()) < 2_000_000
    assert "<script" not in text.lower()
    assert not re.findall(r"(?:src|href|xlink:href)\s*=\s*[\"'](?!#)", text)
    assert not re.findall(r"url\((?!#)|@import", text)
    assert not re.findall(r"<(?:link|iframe|object|embed|img|form|base)\b", text)


@pytest.mark.parametrize("kind", TASKS)
def test_the_page_has_every_section_score_and_feature(kind: str, typed: Any, page: Any) -> None:
    evaluation = assess(*typed(kind)).evaluation
    text = page(evaluation)
    heads = " ".join(re.findall(r"<h2>(.*?)</h2>", text))
    assert all(word in heads for word in SECTIONS)
    assert evaluation.headline in text.split("<h2>")[0]
    assert all(f"<td>{name}</td>" in text for name in evaluation.scores)
    assert all(f"<td>{row.feature}</td>" in text for row in evaluation.importances)
    assert "0.25" in text  # milliseconds of usage
    assert text.count("<svg") == text.count('role="img" aria-label="')


def test_a_page_of_a_thousand_slices_stays_under_two_megabytes(
    evaluation: Evaluation, page: Any
) -> None:
    slices = evaluation.slices * (1000 // len(evaluation.slices) + 1)
    large = replace(evaluation, slices=slices, importances=evaluation.importances * 100)
    assert len(page(large).encode()) < 2_000_000


def test_what_a_table_says_is_never_markup(evaluation: Evaluation, page: Any) -> None:
    evil = "<script>alert(1)</script> $\\frac$"
    first, *others = evaluation.importances
    text = page(
        replace(
            evaluation,
            slices=[replace(part, column=evil, value=evil) for part in evaluation.slices],
            gaps={evil: {evaluation.metric: None}},
            importances=[replace(first, feature=evil), *others],
            ladder=[replace(LADDER[0], candidate=evil)],
            slice_floors=[FloorCheck(evil, 1, 0.5, None, False, evil)],
            choice=evil,
            currency=evil,
        ),
        evil,
    )
    assert "<script" not in text
    assert text.count("&lt;script") > 10


def test_a_missed_floor_is_said_at_the_top(typed: Any, page: Any) -> None:
    settings, rows = typed("binary")
    floors = {"plan == 'basic'": 0.0, "usage > 1e9": -1.0}
    evaluation = assess(settings.model_copy(update={"slices": floors}), rows).evaluation
    below, unknown = evaluation.failed_floors
    assert "plan == 'basic'" in below
    assert "0 test rows" in unknown
    top = page(evaluation).split("<h2>")[0]
    assert "2 missed" in top
    assert "plan == " in top


def test_a_feature_that_is_worth_nothing_is_named(evaluation: Evaluation, page: Any) -> None:
    usage, *others = evaluation.importances
    idle = replace(usage, importance=Interval(0, 0, 0))
    assert usage.feature == "usage"
    assert "<code>usage</code>" in page(replace(evaluation, importances=[idle, *others]))
    assert "<code>usage</code>" not in page(evaluation)


def test_a_row_in_which_nothing_stands_out_is_said(evaluation: Evaluation, page: Any) -> None:
    example = evaluation.examples[0]
    plain = replace(example, reasons=[])
    assert "Nothing stands out" in page(replace(evaluation, examples=[plain]))
    assert "Nothing stands out" not in page(replace(evaluation, examples=[example]))
