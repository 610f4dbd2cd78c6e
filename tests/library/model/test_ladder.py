"""Complexity has to pay: the search, its end, and the rule by which a simpler rung stays."""

import shutil
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.split import row_hashes
from ml_lifecycle.digest import code_digest
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.estimators import apply_temperature
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.evaluation.task import Task
from ml_lifecycle.model.calibrate import fit_temperature
from ml_lifecycle.model.folds import subsample
from ml_lifecycle.model.search import Search, fold_scores, search
from ml_lifecycle.model.select import Selected, Selection, fit, select
from ml_lifecycle.model.settings import SearchSettings
from ml_lifecycle.model.suggest import Trial
from project import candidates
from project.candidates import ladder
from world import quiet


@dataclass(frozen=True)
class Setup:
    """A task, its typed rows, and a search of its ladder with a memory of its own."""

    task: Task
    frame: pd.DataFrame
    settings: SearchSettings
    cache: Path

    def search(
        self,
        frame: pd.DataFrame | None = None,
        code: str = "",
        progress: Any = quiet,
        **changes: Any,
    ) -> Search:
        """Search on `frame`, or on all rows; changes: of the settings."""
        rows, settings = self.frame if frame is None else frame, self.settings
        settings = settings.model_copy(update=changes)
        return search(rows, self.task, ladder, settings, self.cache, code, progress)

    def build(self, kept: Selected) -> Any:
        """Return the pipeline of a trial, fitted on all rows."""
        return fit(kept, ladder, self.frame, self.task)


def setup_of(typed: Any, kind: str, cache: Path, **changes: Any) -> Setup:
    settings, (frame, contract) = typed(kind)
    training = settings.training.model_copy(update=changes)
    return Setup(settings.task(contract), frame, training, cache)


@pytest.fixture
def setup(typed: Any, tmp_path: Path) -> Setup:
    """A task with a memory of its own, two settings at most beyond the first of each rung."""
    return setup_of(typed, "binary", tmp_path, budget_seconds=1000.0, max_trials=6, folds=2)


def test_few_rows_and_a_net_that_is_stopped_are_no_warning(setup: Setup) -> None:
    net = {"numbers": "quantile", "units": 16, "alpha": 0.1, "learning_rate_init": 1e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(Selected("net", net | {"max_iter": 8}), ladder, setup.frame.head(60), setup.task)


def found(setup: Setup, **noise: float) -> Search:
    """Return trials whose guesses are the truth and so much noise."""
    task, frame = setup.task, setup.frame
    random, half = np.random.default_rng(0), len(frame) // 2
    rows = np.arange(len(frame))
    folds = [(rows[half:], rows[:half]), (rows[:half], rows[half:])]
    trials = []
    for name, size in noise.items():
        y_pred = task.y_true(frame) * 0.2 + 0.4 + size * random.normal(size=len(frame))
        y_pred = np.clip(y_pred, 0.01, 0.99)
        scores = [task.measure(task.y_true(frame)[v], y_pred[v]) for _, v in folds]
        trials.append(Trial(name, {}, scores=np.array(scores), y_pred=y_pred))
    return Search(trials, frame, folds, "", 0.0)


@pytest.mark.ml_test("model", 5)
def test_a_rung_within_chance_of_the_simpler_one_is_not_taken(setup: Setup) -> None:
    why = select(found(setup, baseline=1.0, linear=0.1, trees=0.0999), setup.task).reason
    assert "linear beats baseline" in why
    assert "linear stays: trees" in why
    kept = select(found(setup, baseline=1.0, linear=0.4, trees=0.05), setup.task)
    assert "trees beats linear" in kept.reason
    assert kept.trial.candidate != "linear"


def test_to_leave_the_baseline_takes_more_than_to_leave_another_rung(setup: Setup) -> None:
    doubtful = found(setup, baseline=0.4, linear=0.34)
    assert "baseline stays: linear gains" in select(doubtful, setup.task).reason
    worse = replace(found(setup, worse=2.0).trials[0], candidate="worse")
    later = replace(doubtful, trials=[worse, *doubtful.trials])
    reason = select(later, setup.task).reason
    assert "linear beats baseline" in reason, reason


@pytest.mark.ml_test("model", 5)
def test_on_a_shuffled_target_nothing_complex_is_taken(setup: Setup) -> None:
    kept = []
    for seed in range(5):
        mixed = setup.frame["target"].sample(frac=1, random_state=seed).to_numpy()
        shuffled = setup.search(setup.frame.assign(target=mixed), max_trials=4)
        kept.append(select(shuffled, setup.task).trial.candidate)
    assert kept.count("baseline") >= 4, kept


@pytest.mark.ml_test("model", 3)
def test_the_search_ends_where_one_more_try_promises_too_little(setup: Setup) -> None:
    eager = setup.search(min_gain=0.9, max_trials=50)
    assert "is not worth it" in eager.why
    going_on = setup.search(min_gain=0.0, max_trials=len(eager.trials) + 2)
    assert "its budget is used up" in going_on.why
    assert len(going_on.trials) == len(eager.trials) + 2
    assert max(going_on.trials[-1].expected_improvement, 0) < eager.min_gain


@pytest.mark.ml_test("model", 3)
def test_no_setting_is_tried_twice(setup: Setup) -> None:
    tried = [(t.candidate, *t.params.values()) for t in setup.search().trials]
    assert len(set(tried)) == len(tried) == setup.settings.max_trials


def test_a_search_that_was_cut_off_goes_on_where_it_was(setup: Setup) -> None:
    def remembered() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in setup.cache.rglob("output.pkl")}

    def stop(what: str, done: int, total: int) -> None:
        if len(remembered()) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        setup.search(progress=stop)
    before = remembered()
    first = setup.search()
    assert len(remembered()) == len(first.trials) > 3
    assert before.items() <= remembered().items()
    again = setup.search()
    assert [t.seconds for t in again.trials] == [t.seconds for t in first.trials]


def test_other_rows_are_not_remembered(setup: Setup) -> None:
    first = setup.search().trials
    other = setup.search(setup.frame.iloc[1:].reset_index(drop=True)).trials
    assert [t.seconds for t in other] != [t.seconds for t in first]
    assert len(other[0].y_pred) == len(first[0].y_pred) - 1


def test_trials_of_other_code_are_not_remembered_and_those_of_the_same_are(
    setup: Setup, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe"
    shutil.copytree(Path(candidates.__file__).parent, recipe)
    seconds = []
    for edit in ("", "# another feature\n", ""):
        text = (Path(candidates.__file__).with_name("features.py")).read_text(encoding="utf-8")
        (recipe / "features.py").write_text(text + edit, encoding="utf-8")
        found = setup.search(code=code_digest(recipe), max_trials=2)
        seconds.append([trial.seconds for trial in found.trials])
    assert not set(seconds[0]) & set(seconds[1])
    assert seconds[2] == seconds[0]


def test_folds_that_cannot_be_validated_are_said(setup: Setup) -> None:
    with pytest.raises(CheckFailed, match="folds"):
        setup.search(setup.frame.assign(target="no"))


def test_rows_are_thinned_by_whole_groups_in_their_order(setup: Setup) -> None:
    frame = setup.frame
    less = subsample(frame, 200, "customer", 20)
    assert 120 < len(less) < 280
    kept = frame["customer"].isin(less["customer"])
    np.testing.assert_array_equal(row_hashes(frame[kept]), row_hashes(less))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_blend_is_the_weighted_mean_of_its_members(typed: Any, kind: str, tmp_path: Path) -> None:
    setup = setup_of(typed, kind, tmp_path)
    task, frame = setup.task, setup.frame
    linear, trees = setup.search().trials[1:3]
    members = ((0.25, linear), (0.75, trees))
    y_preds = [
        predict_scores(setup.build(kept), frame, task.classes)
        for kept in (
            Selected("blend", {}, members=members),
            Selected(**vars(linear)),
            Selected(**vars(trees)),
        )
    ]
    np.testing.assert_allclose(y_preds[0], 0.25 * y_preds[1] + 0.75 * y_preds[2], rtol=1e-9)


def test_a_blend_is_taken_where_members_err_on_different_rows(setup: Setup) -> None:
    kept = select(found(setup, baseline=1.0, linear=0.2, trees=0.2, net=0.2), setup.task)
    assert kept.trial.candidate == "blend", kept.reason
    weights = [weight for weight, _ in kept.trial.members]
    # As good as one another by all that is known, so chance gives none more weight.
    assert weights == pytest.approx([1 / 3] * 3)


def test_a_blend_that_is_as_good_is_taken_and_holds_no_rung_that_is_surely_worse(
    setup: Setup,
) -> None:
    tried = found(setup, baseline=1.0, linear=0.2)
    linear, random = tried.trials[1], np.random.default_rng(1)

    def beside(noise: float) -> Selection:
        y_pred = np.clip(linear.y_pred + noise * random.normal(size=len(setup.frame)), 0.01, 0.99)
        scores = fold_scores(y_pred, setup.frame, tried.folds, setup.task)
        trees = replace(linear, candidate="trees", y_pred=y_pred, scores=scores)
        return select(replace(tried, trials=[*tried.trials, trees]), setup.task)

    as_good, worse = beside(0.03), beside(0.1)
    assert "blend is as good as linear: neg_brier_score -" in as_good.reason
    assert as_good.trial.candidate == "blend"
    assert worse.trial.candidate == "linear", worse.reason


def test_one_upheaval_does_not_decide_between_two_rungs(setup: Setup) -> None:
    task, frame = setup.task, setup.frame
    tried = found(setup, baseline=1.0, linear=0.1, trees=0.12)
    folds = [(np.arange(0), part) for part in np.array_split(np.arange(len(frame)), 4)]
    baseline, linear, trees = tried.trials
    moved = linear.y_pred.copy()
    moved[folds[-1][1]] = 0.5  # the last fold tells it nothing
    trials = [baseline, replace(linear, y_pred=moved), trees]
    trials = [replace(t, scores=fold_scores(t.y_pred, frame, folds, task)) for t in trials]
    assert trials[2].mean > trials[1].mean
    reason = select(replace(tried, trials=trials, folds=folds), task).reason
    assert "linear beats baseline" in reason
    assert "linear stays: trees" in reason


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


def test_a_calibrated_model_answers_with_the_tempered_guess(setup: Setup) -> None:
    linear = Selected(**vars(setup.search(max_trials=2).trials[1]))
    plain, calm = (
        predict_scores(setup.build(kept), setup.frame, ("no", "yes"))
        for kept in (linear, replace(linear, temperature=2.0))
    )
    np.testing.assert_allclose(calm, apply_temperature(plain, 2.0))


@pytest.mark.ml_test("model", 5)
def test_where_there_is_signal_the_kept_rung_surely_beats_the_baseline(champion: Any) -> None:
    evaluation = champion.trained.evaluation
    assert champion.release.manifest.candidate != "baseline"
    assert evaluation.scores[evaluation.metric].low > evaluation.baseline


def test_folds_that_are_fitted_side_by_side_give_the_same_trials(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = setup.search(max_trials=4)
    monkeypatch.setattr("ml_lifecycle.evaluation.task.MANY", 100)
    beside = replace(setup, cache=tmp_path / "beside").search(max_trials=4)
    for one, other in zip(alone.trials, beside.trials, strict=True):
        assert one.params == other.params
        np.testing.assert_allclose(one.y_pred, other.y_pred, rtol=1e-9)
