"""A condition on columns means the same however its values are written, or is refused by name."""

import pandas as pd
import pytest
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.evaluation.query import matching


@pytest.mark.parametrize(
    "query", ["plna == 'pro'", "x >", "x + 1", "__import__('os')", "@frame.x > 1"]
)
def test_a_slice_that_is_no_condition_is_named_with_the_columns(query: str) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "plan": ["pro", None]})
    contract = Contract(table={})
    assert list(matching(frame, "plan == 'pro' and x < 2", contract)) == [True, False]
    with pytest.raises(WrongUse) as error:
        matching(frame, query, contract)
    assert query in str(error.value)
    assert "x, plan" in str(error.value)


ZONES = Column(name="in[dex]", kind="category", categories=("1", "2", "3"))
MEMBERS = Column(name="class", kind="boolean", categories=("No", "Yes"))


@pytest.mark.parametrize(
    "query",
    [
        "`in[dex]` == 3",
        "`in[dex]` == 3.0",
        "`in[dex]` == '3'",
        "'3.0' == `in[dex]`",
        "`in[dex]` in [3, 7]",
        "`class` == 'Yes' & self > 1",
        "`class` == true and not self < '2'",
        "(`class` == 1) & ~(`in[dex]` == 1)",
    ],
)
def test_a_slice_means_the_same_however_its_values_are_written(query: str) -> None:
    frame = pd.DataFrame(
        {"in[dex]": ["1", "2", "3"], "class": ["Yes", "No", "Yes"], "self": [1.0, 2.0, 3.0]}
    )
    contract = Contract(table={}, columns=(ZONES, MEMBERS, Column(name="self", kind="number")))
    assert list(matching(frame, query, contract)) == [False, False, True]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("born < '05.12.1985'", 2),
        ("born < '1985-12-05'", 2),
        ("born >= '1985-12-05T02:00:00+02:00'", 1),
    ],
)
def test_a_date_in_a_slice_is_read_as_its_column_is(query: str, rows: int) -> None:
    born = pd.to_datetime(["1985-05-12", "1985-12-04", "1985-12-05"])
    column = Column(name="born", kind="date", format="%d.%m.%Y")
    contract = Contract(table={}, columns=(column,))
    assert matching(pd.DataFrame({"born": born}), query, contract).sum() == rows
    with pytest.raises(WrongUse, match=r"'12/05/85' is no date, in ISO 8601 or as in"):
        matching(pd.DataFrame({"born": born}), "born < '12/05/85'", contract)
