"""What if one value were another is asked of the model that serves, and kept nowhere."""

from pathlib import Path
from typing import Any

import pytest
from ml_lifecycle.data.contract import Column
from ml_lifecycle.data.profile import Counts, Profile
from ml_lifecycle.evaluation import ValueSettings
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.trying import Card, WhatIf
from ml_lifecycle.trying.what_if import _numbers, _values
from world import Champion

MONEY = ValueSettings(true_positive=60.0, false_positive=-10.0, false_negative=-5.0)


@pytest.fixture
def row(champion: Champion) -> dict[str, Any]:
    return dict(champion.release.manifest.typical_row)


def ask(client: Any, row: dict[str, Any], **which: str) -> WhatIf:
    answer = client.post("/what-if", json={"rows": [row]}, params=which)
    assert answer.status_code == 200, answer.text
    return WhatIf.model_validate(answer.json())


def test_each_point_is_what_predict_says_and_none_is_in_the_ledger(
    client: Any, served: Any, row: dict[str, Any]
) -> None:
    before = len(served.ledger.served())
    found = ask(client, row, column="plan")
    assert [point.value for point in found.points] == ["basic", "plus", "pro", "rare", None]
    assert len(served.ledger.served()) == before
    for point in found.points:
        changed = {"rows": [row | {"plan": point.value}]}
        (said,) = client.post("/predict", json=changed).json()["predictions"]
        shares = said["probabilities"]
        assert (point.prediction, point.probability) == (said["prediction"], shares["yes"])


def test_the_row_itself_is_among_the_points(client: Any, row: dict[str, Any]) -> None:
    found = ask(client, row | {"usage": 51.375}, column="usage")
    (own,) = [point for point in found.points if point.value == 51.375]
    assert own == found.now
    numbers = [point.value for point in found.points if point.value is not None]
    assert numbers == sorted(numbers)
    assert 10 <= len(numbers) <= 35
    assert found.points[-1].value is None  # the column may be empty


def test_without_a_column_the_row_is_answered_and_what_can_be_moved_is_named(
    client: Any, row: dict[str, Any]
) -> None:
    found = ask(client, row)
    assert (found.column, found.points) == (None, [])
    assert set(found.columns) == {"plan", "usage", "ratio", "calls", "zone"}  # a date has no range


@pytest.mark.parametrize("column", ["", "since", "target", "no such"])
def test_a_column_that_cannot_be_moved_is_refused_with_those_that_can(
    client: Any, row: dict[str, Any], column: str
) -> None:
    answer = client.post("/what-if", json={"rows": [row]}, params={"column": column})
    (problem,) = answer.json()["detail"]
    assert (answer.status_code, problem["loc"]) == (422, "column")
    assert "plan" in problem["msg"]


def test_the_money_is_that_of_project_toml_weighed_by_the_probability(
    champion: Champion, serving: Any, tmp_path: Path, row: dict[str, Any]
) -> None:
    settings = champion.copy(tmp_path).model_copy(update={"value": MONEY})
    with serving(settings) as running:
        found = ask(running.http, row, column="plan")
    assert found.currency == "EUR"
    for point in found.points:
        share = point.probability
        assert point.acting == pytest.approx(60 * share - 10 * (1 - share))
        assert point.leaving == pytest.approx(-5 * share)


def test_nothing_is_said_of_money_where_project_toml_says_nothing(
    client: Any, row: dict[str, Any]
) -> None:
    found = ask(client, row)
    assert (found.currency, found.now.acting, found.now.leaving) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "low", "high", "edges"),
    [
        ("integer", 0, 7, []),
        ("number", 0.031, 0.0323, []),
        ("number", 0, 1e12, [1.0, 2.0, 5.0]),  # a typing error of the table, far from all others
        ("integer", -3, 10**9, [3.0, 90.0]),
    ],
)
def test_numbers_to_try_are_round_and_where_the_rows_are(
    kind: Any, low: float, high: float, edges: list[float]
) -> None:
    found = _numbers(Column(name="x", kind=kind, minimum=low, maximum=high), edges)
    assert 4 <= len(found) <= 35
    assert low <= found[0] < found[-1] <= high
    assert max(len(f"{number:g}") for number in found) <= 7
    assert not edges or found[-1] <= 3 * edges[-1]
    assert kind == "number" or all(number % 1 == 0 for number in found)


@pytest.mark.parametrize(
    ("listed", "tried"),
    [
        (("b", "a"), ["b", "a"]),
        (tuple(f"c{n}" for n in range(40)), ["c39", "c7"]),  # of many the commonest
        (None, []),  # not listed: they may be names of people
    ],
)
def test_of_categories_only_those_that_the_contract_lists_are_tried(
    listed: tuple[str, ...] | None, tried: list[str]
) -> None:
    known = Profile(counts={"value": Counts(("secret", "c39", "c7"), (9, 8, 7, 0))})
    assert _values(Column(name="x", kind="category", categories=listed), known, None) == tried


def test_the_card_says_what_the_release_and_the_last_drift_check_found(
    champion: Champion, serving: Any, tmp_path: Path
) -> None:
    settings, known = champion.copy(tmp_path), champion.release.evaluation
    with serving(settings) as running:
        first = Card.model_validate(running.http.get("/card").json())
        with Ledger(settings.project.ledger_url) as ledger:
            ledger.decide("drift", "quiet", "no column moved", 1)
            ledger.decide("drift", "fault", "'usage': 40 % are missing", 1)
        then = Card.model_validate(running.http.get("/card").json())
    assert first.watched is None
    assert then.watched is not None
    assert (then.watched.verdict, then.watched.reason) == ("fault", "'usage': 40 % are missing")
    assert first.scores[0].value == known.scores[known.metric].value
    assert {(group.column, group.value) for group in first.groups} == {
        ("gender", "female"),
        ("gender", "male"),
    }
    assert set(known.unassessed) <= set(first.caveats)


def test_of_numbers_there_is_neither_a_class_nor_money(
    project: Any, table: Any, serving: Any
) -> None:
    import world

    settings = project(table("regression", 300)).model_copy(update={"value": MONEY})
    world.check(settings)
    world.crown(settings, world.rows_of(settings), override="only the machinery is looked at")
    with serving(settings) as running:
        row = running.http.get("/model").json()["typical_row"]
        found = ask(running.http, row, column="calls")
    assert (found.of, found.currency) == (None, None)
    assert {(p.probability, p.acting, p.leaving) for p in found.points} == {(None, None, None)}
    assert all(isinstance(point.prediction, float) for point in found.points)
