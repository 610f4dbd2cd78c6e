"""Quality is said for every slice and every group, or said to be unknown."""

from typing import Any

import pytest

from ml_lifecycle.data.contract import NAMED
from ml_lifecycle.evaluation.scored import FEW
from ml_lifecycle.evaluation.slices import MOST
from ml_lifecycle.release.bundle import holdout


@pytest.mark.ml_test("model", 6)
def test_every_value_of_a_category_is_reported(own_champion: Any) -> None:
    rows = holdout(own_champion.release)
    parts = own_champion.trained.evaluation.slices
    for column in own_champion.release.contract.with_role("feature", "sensitive"):
        values = rows[column.name].dropna()
        if column.kind in NAMED and values.nunique() <= MOST:
            said = {part.value for part in parts if part.column == column.name}
            assert said == set(values.astype(str))
    for part in parts:
        assert part.score is None or part.rows >= FEW
        if part.score:
            score = part.score
            assert score.low <= score.value <= score.high


@pytest.mark.ml_test("model", 6)
def test_a_rare_value_is_not_assessed_and_not_left_out(champion: Any) -> None:
    parts = {(p.column, p.value): p for p in champion.trained.evaluation.slices}
    assert parts["plan", "rare"].score is None
    assert parts["plan", "basic"].score.low > -0.25


@pytest.mark.ml_test("model", 7)
def test_gaps_between_sensitive_groups_are_reported(champion: Any) -> None:
    evaluation = champion.trained.evaluation
    parts = [part for part in evaluation.slices if part.column == "gender"]
    assert {part.value for part in parts} == {"female", "male"}
    assert all(part.sensitive for part in parts)
    scores = [part.score.value for part in parts]
    gaps = evaluation.gaps["gender"]
    assert gaps[evaluation.metric] == pytest.approx(max(scores) - min(scores))
    for rate in ("selection_rate", "true_positive_rate"):
        values = [part.rates[rate].value for part in parts]
        assert gaps[rate] == pytest.approx(max(values) - min(values))


@pytest.mark.ml_test("model", 7)
def test_a_sensitive_column_does_not_move_an_answer(client: Any) -> None:
    row = client.get("/model").json()["typical_row"]
    rows = [row | {"gender": gender} for gender in ("female", "male", None)]
    said = client.post("/predict", json={"rows": rows}).json()["predictions"]
    # A net's last digits depend on which rows are computed together.
    for other in said[1:]:
        assert other["probabilities"] == pytest.approx(said[0]["probabilities"], rel=1e-9)
