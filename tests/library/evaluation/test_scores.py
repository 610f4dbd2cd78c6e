"""Scores, their intervals and calibration, against answers known beforehand."""

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.evaluation.scored import Judge, judged
from ml_lifecycle.evaluation.scores import (
    METRICS,
    bootstrap_scores,
    bootstrap_weights,
    calibration,
    interval,
    losses,
    mean,
    unweighted,
)
from sklearn import metrics
from sklearn.dummy import DummyRegressor

BINARY, SCORES = METRICS["binary"], METRICS["binary"] | METRICS["regression"]
RANDOM = np.random.default_rng(0)


def test_losses_are_briers_and_squared() -> None:
    assert losses(np.array([1, 0]), np.array([0.8, 0.8])) == pytest.approx([0.04, 0.64])
    three = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    assert losses(np.array([0, 0]), three) == pytest.approx([0.0, 1.5])


def test_a_score_of_one_class_is_undefined_and_not_an_error() -> None:
    for name in ("roc_auc", "average_precision"):
        assert np.isnan(unweighted(BINARY[name])(np.zeros(5), np.linspace(0, 1, 5)))


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(size=150)
        found = interval(
            mean(lambda _, g: g), values, values, bootstrap_weights(np.arange(150), seed)
        )
        hits += found.low < 0 < found.high
    assert 50 <= hits <= 60


def test_groups_are_drawn_whole_and_widen_the_interval() -> None:
    groups = np.repeat(np.arange(30), 20)
    values = RANDOM.normal(size=30)[groups]
    together, alone = bootstrap_weights(groups), bootstrap_weights(np.arange(600))
    assert not np.ptp(together.reshape(-1, 30, 20), axis=2).any()
    found = [
        bootstrap_scores(mean(lambda _, g: g), values, values, drawn) for drawn in (together, alone)
    ]
    assert found[0].std() > 3 * found[1].std()


@pytest.mark.parametrize("decimals", [8, 1])
def test_scores_are_those_of_scikit_learn_with_any_weights(decimals: int) -> None:
    random = np.random.default_rng(3)
    y_pred, weights = random.random(200).round(decimals), random.integers(0, 3, (4, 200))
    y_true = (random.random(200) < y_pred).astype(int)
    theirs = {
        "roc_auc": metrics.roc_auc_score,
        "average_precision": metrics.average_precision_score,
        "neg_log_loss": lambda t, g, sample_weight: (
            -metrics.log_loss(t, g, sample_weight=sample_weight)
        ),
        "accuracy": lambda t, g, sample_weight: metrics.accuracy_score(
            t, g >= 0.5, sample_weight=sample_weight
        ),
        "r2": metrics.r2_score,
        "neg_root_mean_squared_error": lambda t, g, sample_weight: (
            -metrics.root_mean_squared_error(t, g, sample_weight=sample_weight)
        ),
    }
    for name, score in theirs.items():
        expected = [score(y_true, y_pred, sample_weight=row) for row in weights]
        assert SCORES[name](y_true, y_pred, weights) == pytest.approx(expected), name


def test_a_resample_by_weights_is_a_resample_of_rows() -> None:
    y_true, y_pred = RANDOM.integers(0, 2, 90), RANDOM.random(90).round(1)
    groups = np.arange(90) // 3
    drawn = bootstrap_weights(groups, 4)
    rows = [np.repeat(np.arange(90), counts) for counts in drawn]
    by_rows = [unweighted(BINARY["roc_auc"])(y_true[at], y_pred[at]) for at in rows]
    by_weights = bootstrap_scores(BINARY["roc_auc"], y_true, y_pred, drawn)
    assert by_weights[1:] == pytest.approx(by_rows)


def test_the_calibration_error_is_how_far_what_was_said_is_from_what_happened() -> None:
    y_pred = np.repeat([0.05, 0.6], 500)
    y_true = np.tile([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 100)
    found = calibration(y_true, y_pred)
    assert found.error == pytest.approx(0.5 * 0.05 + 0.5 * 0.5)
    assert [point.rows for point in found.points] == [500, 500]


def test_each_row_is_said_by_its_own_judge_in_the_order_of_the_rows() -> None:
    frame = pd.DataFrame({"x": np.arange(6.0)})
    judges = [
        Judge(
            DummyRegressor(strategy="constant", constant=said).fit(frame, frame["x"]), marks, rows
        )
        for said, marks, rows in [
            (1.0, np.empty(0, "uint64"), np.array([1, 4, 5])),
            (2.0, np.empty(0, "uint64"), np.array([0, 2, 3])),
        ]
    ]
    assert judged(judges, frame, ()).tolist() == [2.0, 1.0, 2.0, 2.0, 1.0, 1.0]
