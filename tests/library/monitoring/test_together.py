"""What no column shows alone is found: broken pairs, a kind of rows that grows; chance is not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.data.contract import Column
from ml_lifecycle.monitoring.baseline import Baseline, _coder
from ml_lifecycle.monitoring.together import correlations, pairs, shift
from scipy import stats

LEVEL = 0.01
COLUMNS = [f"x{number}" for number in range(12)]


def world(seed: int, rows: int, kind: float = 0.2, broken: bool = False) -> np.ndarray:
    """Rows of twelve columns, two of which go together; a share `kind` lies elsewhere in six."""
    random = np.random.default_rng(seed)
    codes = random.normal(size=(rows, len(COLUMNS)))
    codes[:, 1] = 0.7 * codes[:, 0] + np.sqrt(1 - 0.49) * codes[:, 1]
    codes[random.random(rows) < kind, 6:] += 1.0
    if broken:
        codes[:, 1] = random.permutation(codes[:, 1])
    return codes


def known(seed: int, rows: int = 3000) -> Baseline:
    codes, none = world(seed, rows), np.empty(0)
    return Baseline(dict.fromkeys(COLUMNS, len), codes, none, none, none)


@pytest.mark.parametrize("find", [pairs, shift])
@pytest.mark.parametrize("rows", [100, 1000])
def test_without_drift_alarms_are_as_rare_as_promised(find: object, rows: int) -> None:
    false = sum(
        bool(find(known(seed), world(10_000 + seed, rows), 0.05).said)  # type: ignore[operator]
        for seed in range(200)
    )
    assert false <= 20


def test_a_broken_pair_is_named_though_each_column_is_as_before() -> None:
    found = pairs(known(1), world(2, 300, broken=True), LEVEL)
    assert found.columns == ("x0", "x1")
    assert "'x0' and 'x1' went together" in found.said
    assert not shift(known(1), world(2, 300, broken=True), LEVEL).said


def test_a_kind_of_rows_that_grows_is_found_by_the_columns_it_moves() -> None:
    found = shift(known(1), world(2, 1000, kind=0.32), LEVEL)
    assert found.said
    assert set(found.columns) <= set(COLUMNS[6:])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), ties=st.booleans())
def test_the_variance_of_a_correlation_is_that_of_many_samples(seed: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    u = random.normal(size=(400, 200))
    v = 0.6 * u + 0.8 * random.normal(size=u.shape)
    u, v = (stats.norm.cdf(side).round(1 if ties else 9) for side in (u, v))
    drawn = [np.corrcoef(a, b)[0, 1] for a, b in zip(u, v, strict=True)]
    expected = np.mean([correlations(np.column_stack(p))[1][0, 1] for p in zip(u, v, strict=True)])
    assert np.arctanh(drawn).var() * u.shape[1] == pytest.approx(expected, rel=0.35)


def test_a_column_of_one_value_is_compared_with_nothing() -> None:
    still = world(2, 500)
    still[:, 3] = 1.0
    assert not pairs(known(1), still, LEVEL).said
    r, _ = correlations(still)
    assert np.isnan(r[3, 0])


def test_correlations_are_pearsons_of_the_scores() -> None:
    codes = world(5, 400)
    assert correlations(codes)[0][0, 1] == pytest.approx(
        stats.pearsonr(codes[:, 0], codes[:, 1])[0]
    )


def false_alarms(find: object, make: object, test_rows: int, rows: int, level: float) -> int:
    """Return in how many of 40 worlds, drawn by `make`, something is found though nothing moved."""
    count, none = 0, np.empty(0)
    for seed in range(40):
        random = np.random.default_rng(seed)
        before, after = make(random, test_rows), make(random, rows)  # type: ignore[operator]
        names = dict.fromkeys(map(str, range(before.shape[1])), len)
        base = Baseline(names, before, none, none, none)  # type: ignore[arg-type]
        count += find(base, after, level).p_value < level  # type: ignore[operator]
    return count


@pytest.mark.parametrize(("test_rows", "columns"), [(100, 30), (200, 60), (50, 45)])
def test_few_test_rows_of_many_columns_are_no_alarm(test_rows: int, columns: int) -> None:
    def make(random: np.random.Generator, rows: int) -> np.ndarray:
        return random.normal(size=(rows, columns))

    assert false_alarms(shift, make, test_rows, 1000, 0.01) <= 3


@pytest.mark.parametrize(("share", "rows"), [(0.01, 100), (0.01, 500), (0.01, 1000), (0.02, 200)])
def test_two_rare_flags_that_coincide_by_chance_are_no_alarm(share: float, rows: int) -> None:
    def make(random: np.random.Generator, rows: int) -> np.ndarray:
        both = random.random(rows) < share
        alone = random.random((rows, 2)) < share / 10
        return (both[:, None] | alone).astype("float64")

    assert false_alarms(pairs, make, 2000, rows, 0.005) <= 2


def test_what_was_the_commonest_value_by_chance_does_not_fall_in_each_window() -> None:
    column, values = Column(name="x", kind="category"), np.array([f"v{k}" for k in range(50)])
    false = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        train, test, now = (pd.Series(random.choice(values, rows)) for rows in (2000, 500, 1000))
        coder = _coder(test, column, [*train.value_counts().index])
        assert coder is not None
        others = random.normal(size=(500, 5)), random.normal(size=(1000, 5))
        before, after = (
            np.column_stack([coder(part), more])
            for part, more in zip((test, now), others, strict=True)
        )
        none = np.empty(0)
        base = Baseline(dict.fromkeys("abcdef", len), before, none, none, none)  # type: ignore[arg-type]
        false += shift(base, after, 0.01).p_value < 0.01
    assert false <= 3
