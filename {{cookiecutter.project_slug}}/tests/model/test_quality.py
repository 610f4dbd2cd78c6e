"""Complexity has to pay, and quality is said for every group, or said to be unknown."""

from typing import Any

import numpy as np
import pytest
from project.data.contract import NAMED
from project.evaluation.problem import Problem
from project.evaluation.slices import FEW, MOST
from project.model.search import Trial, choose, search
from project.release.bundle import holdout


def trial(name: str, *scores: float) -> Trial:
    return Trial(name, {}, np.array(scores), np.array([]), 0.0)


@pytest.mark.ml_test("model", 5)
def test_a_rung_within_chance_of_the_simpler_one_is_not_taken() -> None:
    simple = trial("baseline", 0.5, 0.5, 0.5, 0.5)
    kept, why = choose([simple, trial("linear", 0.7, 0.4, 0.6, 0.31)])
    assert kept.candidate == "baseline"
    assert "baseline stays" in why
    kept, why = choose([simple, trial("linear", 0.7, 0.8, 0.7, 0.8), trial("trees", *[0.75] * 4)])
    assert kept.candidate == "linear"
    assert "linear beats baseline" in why


@pytest.mark.ml_test("model", 5)
def test_on_noise_nothing_complex_is_taken(typed: Any, quiet: Any) -> None:
    settings, (frame, contract) = typed("binary")
    few = settings.training.model_copy(update={"folds": 4})
    settings = settings.model_copy(update={"training": few})
    problem = Problem(contract, settings)
    kept = []
    for seed in range(4):
        mixed = frame["target"].sample(frac=1, random_state=seed).to_numpy()
        trials = search(frame.assign(target=mixed), problem, quiet)
        kept.append(choose(trials)[0].candidate)
    assert kept.count("baseline") >= 3
    assert "trees" not in kept


@pytest.mark.ml_test("model", 5)
def test_where_there_is_signal_the_kept_rung_surely_beats_the_baseline(champion: Any) -> None:
    evaluation = champion.trained.evaluation
    assert champion.release.facts["candidate"] != "baseline"
    assert evaluation["scores"][evaluation["metric"]]["low"] > evaluation["baseline"]


@pytest.mark.ml_test("model", 6)
def test_every_value_of_a_category_is_reported(own_champion: Any) -> None:
    rows = holdout(own_champion.release)
    parts = own_champion.trained.evaluation["slices"]
    for column in own_champion.release.contract.named("feature", "sensitive"):
        values = rows[column.name].dropna()
        if column.kind in NAMED and values.nunique() <= MOST:
            said = {part["value"] for part in parts if part["column"] == column.name}
            assert said == set(values.astype(str))
    for part in parts:
        assert part["score"] is None or part["rows"] >= FEW
        if part["score"]:
            score = part["score"]
            assert score["low"] <= score["value"] <= score["high"]


@pytest.mark.ml_test("model", 6)
def test_a_rare_value_is_not_assessed_and_not_left_out(champion: Any) -> None:
    parts = {(p["column"], p["value"]): p for p in champion.trained.evaluation["slices"]}
    assert parts["plan", "rare"]["score"] is None
    assert parts["plan", "basic"]["score"]["low"] > -0.25


@pytest.mark.ml_test("model", 7)
def test_gaps_between_sensitive_groups_are_reported(champion: Any) -> None:
    evaluation = champion.trained.evaluation
    parts = [part for part in evaluation["slices"] if part["column"] == "gender"]
    assert {part["value"] for part in parts} == {"female", "male"}
    assert all(part["sensitive"] for part in parts)
    scores = [part["score"]["value"] for part in parts]
    assert evaluation["gaps"] == {"gender": pytest.approx(max(scores) - min(scores))}


@pytest.mark.ml_test("model", 7)
def test_a_sensitive_column_does_not_move_an_answer(client: Any) -> None:
    row = client.get("/model").json()["usual"]
    rows = [row | {"gender": gender} for gender in ("female", "male", None)]
    said = client.post("/predict", json={"rows": rows}).json()["predictions"]
    assert said[0] == said[1] == said[2]
