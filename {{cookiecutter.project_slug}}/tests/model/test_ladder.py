"""Complexity has to pay: the search, its end, and the rule by which a simpler rung stays."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from project.data.split import fingerprints, thin
from project.errors import CheckFailed
from project.evaluation.problem import Problem
from project.evaluation.scores import guess_of
from project.model.calibrate import temper, temperature_of
from project.model.choose import Kept, assemble, choose
from project.model.propose import Trial
from project.model.search import Search, search
from project.model.train import fit

Setup = tuple[Problem, pd.DataFrame]


@pytest.fixture
def setup(typed: Any, tmp_path: Path) -> Setup:
    """A problem with a memory of its own, two settings at most beyond the first of each rung."""
    settings, (frame, contract) = typed("binary")
    training = settings.training.model_copy(update={"seconds": 1000.0, "tries": 6, "folds": 2})
    changed = settings.model_copy(update={"root": tmp_path, "training": training})
    return Problem(contract, changed), frame


def test_few_rows_and_a_net_that_is_stopped_are_no_warning(setup: Setup) -> None:
    problem, frame = setup
    net = {"numbers": "quantile", "units": 16, "alpha": 0.1, "learning_rate_init": 1e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(Kept("net", net | {"max_iter": 8}), frame.head(60), problem)


def but(problem: Problem, **training: Any) -> Problem:
    changed = problem.settings.training.model_copy(update=training)
    return Problem(problem.contract, problem.settings.model_copy(update={"training": changed}))


def found(setup: Setup, **noise: float) -> Search:
    """Return trials whose guesses are the truth and so much noise."""
    problem, frame = setup
    random, half = np.random.default_rng(0), len(frame) // 2
    rows = np.arange(len(frame))
    folds = [(rows[half:], rows[:half]), (rows[:half], rows[half:])]
    trials = []
    for name, size in noise.items():
        guess = problem.truth(frame) * 0.2 + 0.4 + size * random.normal(size=len(frame))
        guess = np.clip(guess, 0.01, 0.99)
        scores = [problem.metric(problem.truth(frame)[v], guess[v]) for _, v in folds]
        trials.append(Trial(name, {}, scores=np.array(scores), guess=guess))
    return Search(trials, frame, folds, "", 0.0)


@pytest.mark.ml_test("model", 5)
def test_a_rung_within_chance_of_the_simpler_one_is_not_taken(setup: Setup) -> None:
    problem, _ = setup
    kept, why = choose(found(setup, baseline=1.0, linear=0.1, trees=0.0999), problem)
    assert "linear beats baseline" in why
    assert "linear stays: trees" in why
    kept, why = choose(found(setup, baseline=1.0, linear=0.4, trees=0.05), problem)
    assert "trees beats linear" in why
    assert kept.candidate != "linear"


@pytest.mark.ml_test("model", 5)
def test_on_a_shuffled_target_nothing_complex_is_taken(setup: Setup, quiet: Any) -> None:
    problem, frame = setup
    kept = []
    for seed in range(5):
        mixed = frame["target"].sample(frac=1, random_state=seed).to_numpy()
        shuffled = frame.assign(target=mixed)
        kept.append(choose(search(shuffled, but(problem, tries=4), quiet), problem)[0].candidate)
    assert kept.count("baseline") >= 4, kept


@pytest.mark.ml_test("model", 3)
def test_the_search_ends_where_one_more_try_promises_too_little(setup: Setup, quiet: Any) -> None:
    problem, frame = setup
    eager = search(frame, but(problem, worth=0.9, tries=50), quiet)
    assert "is not worth it" in eager.why
    going_on = search(frame, but(problem, worth=0.0, tries=len(eager.trials) + 2), quiet)
    assert "its budget is used up" in going_on.why
    assert len(going_on.trials) == len(eager.trials) + 2
    assert max(going_on.trials[-1].expected, 0) < eager.threshold


@pytest.mark.ml_test("model", 3)
def test_no_setting_is_tried_twice(setup: Setup, quiet: Any) -> None:
    problem, frame = setup
    tried = [(t.candidate, *t.settings.values()) for t in search(frame, problem, quiet).trials]
    assert len(set(tried)) == len(tried) == problem.settings.training.tries


def test_a_search_that_was_cut_off_goes_on_where_it_was(setup: Setup, quiet: Any) -> None:
    problem, frame = setup

    def count() -> int:
        return len(list(problem.settings.root.rglob("output.pkl")))

    def stop(what: str, done: int, total: int) -> None:
        if count() == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(frame, problem, stop)
    before = {path: path.stat().st_mtime_ns for path in problem.settings.root.rglob("output.pkl")}
    first = search(frame, problem, quiet)
    assert count() == len(first.trials) > 3
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    again = search(frame, problem, quiet)
    assert [t.seconds for t in again.trials] == [t.seconds for t in first.trials]


def test_other_rows_are_not_remembered(setup: Setup, quiet: Any) -> None:
    problem, frame = setup
    first = search(frame, problem, quiet).trials
    other = search(frame.iloc[1:].reset_index(drop=True), problem, quiet).trials
    assert [t.seconds for t in other] != [t.seconds for t in first]
    assert len(other[0].guess) == len(first[0].guess) - 1


def test_folds_that_cannot_be_validated_are_said(setup: Setup, quiet: Any) -> None:
    problem, frame = setup
    with pytest.raises(CheckFailed, match="folds"):
        search(frame.assign(target="no"), problem, quiet)


def test_rows_are_thinned_by_whole_groups_in_their_order(setup: Setup) -> None:
    problem, frame = setup
    less = thin(frame, 200, problem.settings)
    assert 120 < len(less) < 280
    kept = frame["customer"].isin(less["customer"])
    np.testing.assert_array_equal(fingerprints(frame[kept]), fingerprints(less))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_blend_is_the_weighted_mean_of_its_members(typed: Any, task: str, quiet: Any) -> None:
    settings, (frame, contract) = typed(task)
    problem = Problem(contract, settings)
    linear, trees = search(frame, problem, quiet).trials[1:3]
    members = ((0.25, linear), (0.75, trees))
    target = frame["target"]
    guesses = [
        guess_of(assemble(kept, problem, target).fit(frame, target), frame, problem.classes)
        for kept in (Kept("blend", {}, members=members), Kept(**vars(linear)), Kept(**vars(trees)))
    ]
    np.testing.assert_allclose(guesses[0], 0.25 * guesses[1] + 0.75 * guesses[2], rtol=1e-9)


def test_a_blend_is_taken_where_members_err_on_different_rows(setup: Setup) -> None:
    problem, _ = setup
    kept, why = choose(found(setup, baseline=1.0, linear=0.2, trees=0.2, net=0.2), problem)
    assert kept.candidate == "blend", why
    assert sum(weight for weight, _ in kept.members) == pytest.approx(1)
    assert len(kept.members) <= 3


def test_overconfidence_is_found_and_taken_back() -> None:
    random = np.random.default_rng(1)
    log_odds = random.normal(size=4000)
    truth = (random.random(4000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    honest, loud = (1 / (1 + np.exp(-log_odds * factor)) for factor in (1.0, 2.0))
    assert temperature_of(truth, honest) == 1.0
    found_temperature = temperature_of(truth, loud)
    assert found_temperature == pytest.approx(2.0, rel=0.15)
    calm = temper(loud, found_temperature)
    np.testing.assert_array_equal(np.argsort(calm), np.argsort(loud))
    both = temper(np.column_stack([1 - loud, loud]), found_temperature)
    np.testing.assert_allclose(both[:, 1], calm)


def test_a_calibrated_model_answers_with_the_tempered_guess(setup: Setup, quiet: Any) -> None:
    problem, frame = setup
    linear = Kept(**vars(search(frame, but(problem, tries=2), quiet).trials[1]))
    plain, calm = (
        guess_of(
            assemble(k, problem, frame["target"]).fit(frame, frame["target"]), frame, ("no", "yes")
        )
        for k in (linear, replace(linear, temperature=2.0))
    )
    np.testing.assert_allclose(calm, temper(plain, 2.0))


@pytest.mark.ml_test("model", 5)
def test_where_there_is_signal_the_kept_rung_surely_beats_the_baseline(champion: Any) -> None:
    evaluation = champion.trained.evaluation
    assert champion.release.facts["candidate"] != "baseline"
    assert evaluation["scores"][evaluation["metric"]]["low"] > evaluation["baseline"]
