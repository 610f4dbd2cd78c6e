"""Complexity has to pay: signal, chance and the rule by which the simpler candidate stays."""

from pathlib import Path
from typing import Any

import pytest
from project.candidates import ladder
from project.training import HERE
from world import quiet

from ml_lifecycle import code_digest
from ml_lifecycle.model import search, select


def chosen(champion: Any, frame: Any, cache: Path, trials: int = 4) -> Any:
    """Search the ladder on typed rows; return what it selects."""
    settings, task = champion.settings, champion.settings.task(champion.rows[1])
    few = {"budget_seconds": 1000.0, "max_trials": trials}
    training = settings.training.model_copy(update=few)
    found = search(frame, task, ladder, training, cache, code_digest(HERE), quiet)
    return select(found, task)


@pytest.mark.ml_test("model", 5)
def test_where_there_is_a_signal_the_baseline_is_beaten(champion: Any, tmp_path: Path) -> None:
    selection = chosen(champion, champion.rows[0], tmp_path)
    assert selection.trial.candidate != "baseline"
    assert "linear beats baseline" in selection.reason


@pytest.mark.ml_test("model", 5)
def test_on_a_shuffled_target_nothing_complex_is_taken(champion: Any, tmp_path: Path) -> None:
    frame = champion.rows[0]
    kept = []
    for seed in range(3):
        mixed = frame["target"].sample(frac=1, random_state=seed).to_numpy()
        selection = chosen(champion, frame.assign(target=mixed), tmp_path)
        kept.append(selection.trial.candidate)
    assert kept.count("baseline") >= 2, kept


@pytest.mark.ml_test("model", 3)
def test_every_candidate_is_tried_and_the_search_says_why_it_stops(own_champion: Any) -> None:
    evaluation = own_champion.trained.evaluation
    names = {candidate.name for candidate in _ladder_of(own_champion)}
    assert {step.candidate for step in evaluation.search} == names
    assert "The search stopped after" in evaluation.choice


def _ladder_of(champion: Any) -> Any:
    frame, contract = champion.rows
    return ladder(champion.settings.task(contract), frame[contract.target.name])
