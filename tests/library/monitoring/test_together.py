"""What no column shows alone is found: broken pairs, a kind of rows that grows; chance is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.monitoring.baseline import Baseline
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
