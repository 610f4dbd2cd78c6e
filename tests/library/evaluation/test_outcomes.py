"""Outcomes of a file: each row is taken once, or set aside with its reason; none is lost."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.data.contract import Column, Contract, save_contract
from ml_lifecycle.errors import DataError, WrongUse
from ml_lifecycle.evaluation import outcome_file
from ml_lifecycle.evaluation.outcomes import Told, take_file
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.ledger.outcomes import CONFLICT, KNOWN, TAKEN
from ml_lifecycle.ledger.tables import OUTCOMES, SUPERSEDED
from project.cli import main
from sqlalchemy import delete, select
from world import prediction, quiet

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONTRACT = Contract(
    table={},
    columns=(
        Column(name="customer", kind="category", role="group", format="number"),
        Column(name="account", kind="id", role="id"),
        Column(name="opened", kind="date"),
        Column(name="churned", kind="boolean", role="target", categories=("no", "yes")),
    ),
)
Take = Callable[..., Told]


@pytest.fixture
def answered(ledger: Ledger) -> Ledger:
    """Requests of the first of May and later: customer 1 once, 2 twice, ten days apart."""
    asked = [("a", 0, 1, 0), ("a", 1, 2, 0), ("b", 0, 2, 10)]
    ledger.write_predictions(
        [
            prediction(request_id, row)
            | {"created_at": MAY + days * DAY, "inputs": {"customer": f"{who}"}}
            for request_id, row, who, days in asked
        ]
    )
    return ledger


@pytest.fixture
def take(answered: Ledger, tmp_path: Path) -> Take:
    """Take the lines of a CSV file."""

    def run(text: str, name: str = "late.csv", contract: Contract = CONTRACT, **how: str) -> Told:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return take_file(answered, tmp_path / name, contract, quiet, **how)

    return run


def counting(ledger: Ledger) -> dict[str, str]:
    """Return the outcomes that count, by `request/row`."""
    served = ledger.served(known=True)
    return {f"{one.request_id}/{one.row}": one.outcome for one in served.itertuples()}


def test_the_summary_says_what_became_of_each_row(take: Take, answered: Ledger) -> None:
    take("request_id,row,churned\na,0,no\na,1,no\n", "first.csv")
    told = take("request_id,row,churned\na,0,yes\na,1,no\nb,0,no\nz,0,no\na,2,no\nb,0,perhaps\n")
    assert str(told) == (
        "taken 2 (1 corrected), known before 1, quarantined 3: 2 unknown request, "
        "1 no value of 'churned'"
    )
    assert counting(answered) == {"a/0": "yes", "a/1": "no", "b/0": "no"}


def test_the_same_file_again_changes_nothing_and_says_so(take: Take, tmp_path: Path) -> None:
    text = "request_id,row,churned\na,0,no\nz,0,no\n"
    first = take(text)
    before = first.quarantine.read_bytes()
    again = take(text)
    assert str(again) == (
        "taken 0, known before 1, quarantined 1: 1 unknown request; nothing changed"
    )
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == [
        "late.csv",
        "late.csv.quarantine.csv",
    ]
    assert again.quarantine.read_bytes() == before


def test_what_is_set_aside_is_as_it_came_with_the_reason_last(take: Take) -> None:
    told = take('request_id;reason;row;churned\n z ;"say ""x""; y";0;NO\na;;-1;no\n;;0;yes\n')
    lines = told.quarantine.read_text(encoding="utf-8").splitlines()
    assert lines == [
        "request_id,reason,row,churned,reason 2",
        ' z ,"say ""x""; y",0,NO,unknown request',
        "a,,-1,no,row is no place in a request",
        ",,0,yes,no request_id",
    ]


def test_what_an_earlier_file_left_aside_is_not_overwritten(take: Take, tmp_path: Path) -> None:
    names = [take(f"request_id,churned\n{who},no\n").quarantine.name for who in "xyx"]
    assert names == [
        "late.csv.quarantine.csv",
        "late.csv.quarantine-2.csv",
        "late.csv.quarantine.csv",
    ]
    assert not list(tmp_path.glob(".*"))


def test_what_was_set_aside_can_be_mended_and_taken(take: Take, answered: Ledger) -> None:
    told = take("request_id,churned\nz,no\n")
    mended = told.quarantine.read_text(encoding="utf-8").replace("z,", "b,")
    assert take(mended, "mended.csv").quarantine is None
    assert counting(answered) == {"b/0": "no"}


@pytest.mark.parametrize("column", ["churned", "value"])
@pytest.mark.parametrize("value", ["yes", "Yes", "true", "1", "1.0", " yes "])
def test_a_class_may_be_written_as_in_the_table(
    take: Take, answered: Ledger, column: str, value: str
) -> None:
    take(f"request_id,{column}\nb,{value}\n")
    assert counting(answered) == {"b/0": "yes"}


@pytest.mark.parametrize("value", ["", "inf", "nan", "12 apples"])
def test_what_is_no_number_is_no_value_of_a_number(take: Take, value: str) -> None:
    price = Contract(table={}, columns=(Column(name="price", kind="number", role="target"),))
    told = take(f'request_id,price\nb,"{value}"\na,1.50\n', contract=price)
    assert told.became == {"new": 1, "no value of 'price'": 1}


def test_a_fraction_is_no_value_of_a_whole_number(take: Take) -> None:
    calls = Contract(table={}, columns=(Column(name="calls", kind="integer", role="target"),))
    told = take("request_id,calls\nb,1.5\na,2.0\n", contract=calls)
    assert told.became == {"new": 1, "no value of 'calls'": 1}


@pytest.mark.parametrize("at", [0, 1])
def test_a_conflict_is_seen_however_far_apart_its_rows_are(
    take: Take, answered: Ledger, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(outcome_file, "PIECE", 2)
    rows = ["a,0,no", "a,1,no", "b,0,no", "a,1,no", "a,0,no", "b,0,no", f"a,{at},yes"]
    told = take("\n".join(["request_id,row,churned", *rows]))
    assert told.became[CONFLICT] == 3
    assert counting(answered) == {f"a/{1 - at}": "no", "b/0": "no"}


def test_moments_that_cannot_be_are_set_aside(take: Take) -> None:
    future = (now() + 2 * DAY).date()
    moments = ["2026-04-30", "2026-05-01", future, "99999-01-01", "soon", "", "0001-01-01"]
    text = "\n".join(["request_id,churned,seen", *(f"a,no,{moment}" for moment in moments)])
    became = dict(take(text, at="seen").became)
    # "" is taken for not known; the year 99999 may be no moment for the reader, or one to come.
    assert sum(became.values()) == len(moments)
    assert became.pop("no moment in 'seen'") + became.pop("in the future") == 3
    assert became == {"new": 1, "known": 1, "before the prediction": 2}


def test_by_a_key_the_latest_prediction_before_the_outcome_counts(
    take: Take, answered: Ledger
) -> None:
    told = take("customer,churned,seen\n2,no,2026-05-05\n2,yes,2026-05-20\n1,yes,2026-05-20\n",
                key="customer", at="seen")  # fmt: skip
    assert counting(answered) == {"a/0": "yes", "a/1": "no", "b/0": "yes"}
    assert (told.became, told.ambiguous) == ({"new": 3}, 1)


def test_without_a_moment_the_latest_of_all_counts(take: Take, answered: Ledger) -> None:
    told = take("customer,churned\n2.0,no\n", key="customer")
    assert counting(answered) == {"b/0": "no"}
    assert told.ambiguous == 1


def test_a_key_of_no_prediction_and_one_of_later_ones_are_set_aside(take: Take) -> None:
    text = "customer,churned,seen\n7,no,2026-05-05\n1,no,2026-04-05\n,no,2026-05-05\n"
    assert take(text, key="customer", at="seen").became == {
        "no prediction with this 'customer'": 1,
        "before the prediction": 1,
        "no 'customer'": 1,
    }


def test_two_keys_of_one_prediction_with_two_values_are_a_conflict(take: Take) -> None:
    told = take("customer,churned\n1,no\n1.0,yes\n2,no\n", key="customer")
    assert told.became == {CONFLICT: 2, "new": 1}


@pytest.mark.parametrize(
    ("text", "how", "said"),
    [
        ("request_id,chruned\na,no\n", {}, "'churned' or 'value'.*chruned"),
        ("request,churned\na,no\n", {}, "'request_id' .or give --key"),
        ("request_id,churned\na,no\n", {"at": "seen"}, "'seen'"),
        ("request_id,churned\na,no\n", {"key": "customer"}, "'customer'"),
        ("account,churned\na,no\n", {"key": "account"}, "'account' is id"),
        ("shop,churned\na,no\n", {"key": "shop"}, "contract.yaml has no column 'shop'"),
    ],
)
def test_a_column_that_is_not_there_is_named(
    take: Take, answered: Ledger, text: str, how: dict[str, str], said: str
) -> None:
    with pytest.raises(WrongUse, match=said):
        take(text, **how)
    assert counting(answered) == {}


def test_of_a_file_that_breaks_off_nothing_is_taken(
    take: Take, answered: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_file, "PIECE", 1)
    with pytest.raises(DataError):
        take("request_id,churned\nb,no\na,no,and,more\n")
    assert counting(answered) == {}


def test_parquet_is_taken_by_its_types_and_set_aside_as_text(
    answered: Ledger, tmp_path: Path
) -> None:
    rows = {
        "request_id": ["a", "a", "z"],
        "row": pd.array([0, 1, None], dtype="Int64"),
        "churned": [True, False, True],
        "seen": pd.to_datetime(["2026-05-02 08:00", None, "2026-05-02 08:00"]),
    }
    file = tmp_path / "late.parquet"
    pd.DataFrame(rows).to_parquet(file)
    told = take_file(answered, file, CONTRACT, quiet, at="seen")
    assert counting(answered) == {"a/0": "yes", "a/1": "no"}
    lines = told.quarantine.read_text(encoding="utf-8").splitlines()
    assert told.quarantine.name == "late.parquet.quarantine.csv"
    assert lines[0] == "request_id,row,churned,seen,reason"
    assert re.fullmatch(r"z,,True,2026-05-02 08:00:00,unknown request", lines[1])


CELLS = st.tuples(
    st.sampled_from(["a", "b", "z", ""]),
    st.sampled_from(["0", "1", "5", "", "x"]),
    st.sampled_from(["yes", "no", "perhaps", ""]),
    st.sampled_from(["", "2026-04-01", "2026-05-12", "2026-05-12T13:00:00Z", "2999-01-01", "soon"]),
    st.sampled_from(["1", "2", "3", ""]),
)
HOW = [{}, {"at": "seen"}, {"key": "customer"}, {"key": "customer", "at": "seen"}]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(CELLS, min_size=1, max_size=12), how=st.sampled_from(HOW))
def test_nothing_is_lost_and_again_is_nothing(
    answered: Ledger, tmp_path: Path, rows: list[Any], how: dict[str, str]
) -> None:
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    with answered.engine.begin() as connection:
        for table in (OUTCOMES, SUPERSEDED):
            connection.execute(delete(table))
    file = tmp_path / "late.csv"
    frame = pd.DataFrame(rows, columns=["request_id", "row", "churned", "seen", "customer"])
    frame.to_csv(file, index=False)
    said, kept = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome_file, "PIECE", 3)
        for _ in range(2):
            said.append(take_file(answered, file, CONTRACT, quiet, **how))
            with answered.engine.connect() as connection:
                kept.append([connection.execute(select(t)).all() for t in (OUTCOMES, SUPERSEDED)])
    assert kept[0] == kept[1]
    first, again = said
    taken = sum(first.became[what] for what in TAKEN)
    assert again.became[KNOWN] == taken + first.became[KNOWN]
    assert sum(again.became[what] for what in TAKEN) == 0
    assert ("nothing changed" in str(again)) is True
    aside = 0 if first.quarantine is None else len(pd.read_csv(first.quarantine))
    assert taken + first.became[KNOWN] + aside == len(rows) == sum(first.became.values())


@pytest.fixture
def folder(
    answered: Ledger, ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project's folder, which is where the verbs run."""
    monkeypatch.setenv("LEDGER_URL", ledger_url)
    monkeypatch.chdir(tmp_path)
    toml = '[data]\nsource = "t.csv"\ntarget = "churned"\ngroup = "customer"\n'
    (tmp_path / "project.toml").write_text(toml, encoding="utf-8")
    save_contract(CONTRACT, tmp_path / "contract.yaml")
    return tmp_path


def test_the_verb_says_what_became_and_what_comes_next(folder: Path, answered: Ledger) -> None:
    (folder / "late.csv").write_text("customer,churned\n1,no\n2,yes\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["outcomes", "late.csv", "--key", "customer"])
    assert done.exit_code == 0, done.output
    assert "taken 2, known before 0" in done.output
    assert "1 row: several predictions have this 'customer'" in done.output
    assert "Next: `drift`" in done.output
    assert counting(answered) == {"a/0": "no", "b/0": "yes"}


def test_the_verb_exits_1_if_rows_were_set_aside_and_names_their_file(folder: Path) -> None:
    (folder / "late.csv").write_text("request_id,churned\na,no\nz,yes\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["outcomes", "late.csv"])
    assert done.exit_code == 1
    assert "taken 1, known before 0, quarantined 1: 1 unknown request" in done.output
    assert "late.csv.quarantine.csv" in done.output


def test_a_number_whose_square_has_no_variance_is_no_outcome() -> None:
    target = Column(name="y", kind="number", role="target")
    taken = outcome_file.labels(
        pd.Series([1e300, "1e80", "-3.5", 12, float("inf")], dtype=object), target
    )
    assert taken.fillna("").tolist() == ["", "", "-3.5", "12", ""]
