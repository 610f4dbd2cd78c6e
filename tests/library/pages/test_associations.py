"""Cramér's V by one product is what it is by its definition, and 0 for chance."""

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.pages.associations import associations, heatmap
from scipy.stats.contingency import association

RANDOM = np.random.default_rng(0)
ROWS = 5000


def columns() -> dict[str, pd.Series]:
    x = RANDOM.normal(size=ROWS)
    return {
        "x": pd.Series(x),
        "twin": pd.Series(x * 2 + 1),
        "sign": pd.Series(np.where(x > 0, "plus", "minus")),
        "gone": pd.Series(np.where(x > 1, np.nan, 7.0)),
        "chance": pd.Series(RANDOM.choice(list("abcde"), ROWS)),
        "date": pd.Series(pd.date_range("2020", periods=ROWS, unit="s")),
        "constant": pd.Series(np.ones(ROWS)),
    }


def test_it_is_1_where_one_says_the_other_and_0_where_none_does() -> None:
    table = associations(columns())
    assert "constant" not in table
    assert table.loc["x", "twin"] == pytest.approx(1)
    assert table.loc["x", "sign"] > 0.9
    assert table.loc["x", "gone"] > 0.9
    assert (table["chance"].drop("chance") < 0.05).all()
    np.testing.assert_allclose(table, table.T, atol=1e-6)
    np.testing.assert_allclose(np.diag(table), 1, atol=1e-6)


def test_it_is_what_the_definition_says_but_for_the_bias() -> None:
    given = columns()
    table = associations(given)
    by_hand = association(pd.crosstab(pd.qcut(given["x"], 10), given["sign"]), "cramer")
    assert table.loc["x", "sign"] == pytest.approx(by_hand, abs=0.005)


def test_in_a_small_table_chance_is_not_taken_for_an_association() -> None:
    small = {str(n): pd.Series(RANDOM.normal(size=100)) for n in range(20)}
    found = associations(small).to_numpy()[np.triu_indices(20, 1)]
    assert np.median(found) < 0.1


def test_a_picture_needs_two_columns() -> None:
    assert heatmap(associations({})) == ""
    assert heatmap(associations({"x": columns()["x"]})) == ""
    assert "<svg" in heatmap(associations(columns()))
