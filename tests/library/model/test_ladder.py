"""Complexity has to pay: the search, its end, and the rule by which a simpler rung stays."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.split import row_hashes, subsample
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.estimators import apply_temperature, fit_temperature
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.evaluation.task import Task
from ml_lifecycle.model.search import Search, search
from ml_lifecycle.model.select import Selected, build_estimator, select
from ml_lifecycle.model.suggest import Trial
from project.training import fit

Setup = tuple[Task, pd.DataFrame]


@pytest.fixture
def setup(typed: Any, tmp_path: Path) -> Setup:
    """A problem with a memory of its own, two settings at most beyond the first of each rung."""
    settings, (frame, contract) = typed("binary")
    training = settings.training.model_copy(
        update={"budget_seconds": 1000.0, "max_trials": 6, "folds": 2}
    )
    changed = settings.model_copy(update={"root": tmp_path, "training": training})
    return Task(contract, changed), frame


def test_few_rows_and_a_net_that_is_stopped_are_no_warning(setup: Setup) -> None:
    task, frame = setup
    net = {"numbers": "quantile", "units": 16, "alpha": 0.1, "learning_rate_init": 1e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(Selected("net", net | {"max_iter": 8}), frame.head(60), task)


def but(task: Task, **training: Any) -> Task:
    changed = task.settings.training.model_copy(update=training)
    return Task(task.contract, task.settings.model_copy(update={"training": changed}))


def found(setup: Setup, **noise: float) -> Search:
    """Return trials whose guesses are the truth and so much noise."""
    task, frame = setup
    random, half = np.random.default_rng(0), len(frame) // 2
    rows = np.arange(len(frame))
    folds = [(rows[half:], rows[:half]), (rows[:half], rows[half:])]
    trials = []
    for name, size in noise.items():
        y_pred = task.y_true(frame) * 0.2 + 0.4 + size * random.normal(size=len(frame))
        y_pred = np.clip(y_pred, 0.01, 0.99)
        scores = [task.metric(task.y_true(frame)[v], y_pred[v]) for _, v in folds]
        trials.append(Trial(name, {}, scores=np.array(scores), y_pred=y_pred))
    return Search(trials, frame, folds, "", 0.0)


@pytest.mark.ml_test("model", 5)
def test_a_rung_within_chance_of_the_simpler_one_is_not_taken(setup: Setup) -> None:
    task, _ = setup
    kept, why = select(found(setup, baseline=1.0, linear=0.1, trees=0.0999), task)
    assert "linear beats baseline" in why
    assert "linear stays: trees" in why
    kept, why = select(found(setup, baseline=1.0, linear=0.4, trees=0.05), task)
    assert "trees beats linear" in why
    assert kept.candidate != "linear"


@pytest.mark.ml_test("model", 5)
def test_on_a_shuffled_target_nothing_complex_is_taken(setup: Setup, quiet: Any) -> None:
    task, frame = setup
    kept = []
    for seed in range(5):
        mixed = frame["target"].sample(frac=1, random_state=seed).to_numpy()
        shuffled = frame.assign(target=mixed)
        kept.append(select(search(shuffled, but(task, max_trials=4), quiet), task)[0].candidate)
    assert kept.count("baseline") >= 4, kept


@pytest.mark.ml_test("model", 3)
def test_the_search_ends_where_one_more_try_promises_too_little(setup: Setup, quiet: Any) -> None:
    task, frame = setup
    eager = search(frame, but(task, min_gain=0.9, max_trials=50), quiet)
    assert "is not worth it" in eager.why
    going_on = search(frame, but(task, min_gain=0.0, max_trials=len(eager.trials) + 2), quiet)
    assert "its budget is used up" in going_on.why
    assert len(going_on.trials) == len(eager.trials) + 2
    assert max(going_on.trials[-1].expected_improvement, 0) < eager.min_gain


@pytest.mark.ml_test("model", 3)
def test_no_setting_is_tried_twice(setup: Setup, quiet: Any) -> None:
    task, frame = setup
    tried = [(t.candidate, *t.params.values()) for t in search(frame, task, quiet).trials]
    assert len(set(tried)) == len(tried) == task.settings.training.max_trials


def test_a_search_that_was_cut_off_goes_on_where_it_was(setup: Setup, quiet: Any) -> None:
    task, frame = setup

    def count() -> int:
        return len(list(task.settings.project.root.rglob("output.pkl")))

    def stop(what: str, done: int, total: int) -> None:
        if count() == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(frame, task, stop)
    before = {
        path: path.stat().st_mtime_ns for path in task.settings.project.root.rglob("output.pkl")
    }
    first = search(frame, task, quiet)
    assert count() == len(first.trials) > 3
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    again = search(frame, task, quiet)
    assert [t.seconds for t in again.trials] == [t.seconds for t in first.trials]


def test_other_rows_are_not_remembered(setup: Setup, quiet: Any) -> None:
    task, frame = setup
    first = search(frame, task, quiet).trials
    other = search(frame.iloc[1:].reset_index(drop=True), task, quiet).trials
    assert [t.seconds for t in other] != [t.seconds for t in first]
    assert len(other[0].y_pred) == len(first[0].y_pred) - 1


def test_folds_that_cannot_be_validated_are_said(setup: Setup, quiet: Any) -> None:
    task, frame = setup
    with pytest.raises(CheckFailed, match="folds"):
        search(frame.assign(target="no"), task, quiet)


def test_rows_are_thinned_by_whole_groups_in_their_order(setup: Setup) -> None:
    task, frame = setup
    less = subsample(frame, 200, task.settings)
    assert 120 < len(less) < 280
    kept = frame["customer"].isin(less["customer"])
    np.testing.assert_array_equal(row_hashes(frame[kept]), row_hashes(less))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_blend_is_the_weighted_mean_of_its_members(typed: Any, kind: str, quiet: Any) -> None:
    settings, (frame, contract) = typed(kind)
    task = Task(contract, settings)
    linear, trees = search(frame, task, quiet).trials[1:3]
    members = ((0.25, linear), (0.75, trees))
    target = frame["target"]
    y_preds = [
        predict_scores(build_estimator(kept, task, target).fit(frame, target), frame, task.classes)
        for kept in (
            Selected("blend", {}, members=members),
            Selected(**vars(linear)),
            Selected(**vars(trees)),
        )
    ]
    np.testing.assert_allclose(y_preds[0], 0.25 * y_preds[1] + 0.75 * y_preds[2], rtol=1e-9)


def test_a_blend_is_taken_where_members_err_on_different_rows(setup: Setup) -> None:
    task, _ = setup
    kept, why = select(found(setup, baseline=1.0, linear=0.2, trees=0.2, net=0.2), task)
    assert kept.candidate == "blend", why
    assert sum(weight for weight, _ in kept.members) == pytest.approx(1)
    assert len(kept.members) <= 3


def test_overconfidence_is_found_and_taken_back() -> None:
    random = np.random.default_rng(1)
    log_odds = random.normal(size=4000)
    y_true = (random.random(4000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    honest, loud = (1 / (1 + np.exp(-log_odds * factor)) for factor in (1.0, 2.0))
    assert fit_temperature(y_true, honest) == 1.0
    found_temperature = fit_temperature(y_true, loud)
    assert found_temperature == pytest.approx(2.0, rel=0.15)
    calm = apply_temperature(loud, found_temperature)
    np.testing.assert_array_equal(np.argsort(calm), np.argsort(loud))
    both = apply_temperature(np.column_stack([1 - loud, loud]), found_temperature)
    np.testing.assert_allclose(both[:, 1], calm)


def test_a_calibrated_model_answers_with_the_tempered_guess(setup: Setup, quiet: Any) -> None:
    task, frame = setup
    linear = Selected(**vars(search(frame, but(task, max_trials=2), quiet).trials[1]))
    plain, calm = (
        predict_scores(
            build_estimator(k, task, frame["target"]).fit(frame, frame["target"]),
            frame,
            ("no", "yes"),
        )
        for k in (linear, replace(linear, temperature=2.0))
    )
    np.testing.assert_allclose(calm, apply_temperature(plain, 2.0))


@pytest.mark.ml_test("model", 5)
def test_where_there_is_signal_the_kept_rung_surely_beats_the_baseline(champion: Any) -> None:
    evaluation = champion.trained.evaluation
    assert champion.release.manifest.candidate != "baseline"
    assert evaluation.scores[evaluation.metric]["low"] > evaluation.baseline
