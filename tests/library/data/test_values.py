"""One value has one meaning, whichever way it came: text, Parquet, JSON, an outcome, the ledger."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.data.rows import as_json, convert, to_frame, validate
from ml_lifecycle.data.values import plain, reader, spell
from ml_lifecycle.errors import CheckFailed, WrongUse
from ml_lifecycle.service.request import spellings, value_reader
from ml_lifecycle.tables.parquet import read_parquet
from project.lifecycle import ask_gate, predict
from project.training import train
from world import check, quiet, rows_of

ROWS = 400
MOMENTS = st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
EASY = settings(
    phases=[Phase.generate], deadline=None, max_examples=5, suppress_health_check=list(HealthCheck)
)
CODE = Column(name="x", kind="category", categories=("1", "2", "30"))
YES = Column(name="x", kind="boolean", categories=("No", "Yes"))


@pytest.mark.parametrize("value", [2, 2.0, "2", "2.0", " 2 ", "2.00", np.int8(2), Decimal("2.0")])
def test_a_code_is_compared_as_a_number(value: Any) -> None:
    assert reader(CODE)(value) == "2"


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", "YES", "y", "1", "1.0", "on"])
def test_a_yes_is_a_yes(value: Any) -> None:
    assert reader(YES)(value) == "Yes"


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_a_plain_number_has_one_spelling_and_loses_no_digit(value: Any) -> None:
    text = format(Decimal(value), "f")
    assert plain(text) == plain(f"{text}.0" if "." not in text else f"{text}0")
    assert Decimal(plain(text)) == Decimal(text)


@given(st.text().filter(lambda text: not text.strip().replace(".", "").strip("+-").isdigit()))
def test_a_word_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_from_text_and_from_json(value: float) -> None:
    column = Column(name="x", kind="number")
    texts = convert(pd.Series([repr(value), "1"], dtype="str"), column)
    typed = convert(pd.Series([value, 1], dtype=object), as_json(column))
    assert texts[0] == typed[0] == value


@pytest.mark.parametrize("text", [".5", "-.5", "5.", "+1", "1E5", "1.e-3", "1_0", "0x1", "１", "."])
def test_a_number_in_a_string_is_read_as_in_a_table(text: str) -> None:
    column = Column(name="x", kind="number")
    (in_table,) = convert(pd.Series([text, "1"], dtype="str"), column).head(1)
    assert value_reader(column)(text) == (in_table if np.isfinite(in_table) else text)


NUMBER = Column(name="x", kind="number")
JSON = st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**330) | st.floats()


@given(st.lists(JSON, max_size=20))
def test_a_column_of_json_is_read_as_each_of_its_values(values: list[Any]) -> None:
    whole = convert(pd.Series(values, dtype=object), NUMBER)
    alone = [convert(pd.Series([value], dtype=object), NUMBER).iloc[0] for value in values]
    np.testing.assert_array_equal(whole.to_numpy("float64"), np.array(alone, dtype="float64"))
    texts = convert(pd.Series([*map(spell, values)], dtype=object), NUMBER)
    np.testing.assert_array_equal(whole.to_numpy("float64"), texts.to_numpy("float64"))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["2", "2.0", " 2 ", "x", "", None, 1, 1.0, True]), min_size=3))
def test_many_rows_of_words_are_read_as_each_of_them(values: list[Any]) -> None:
    many = values * (1001 // len(values) + 1)
    whole = convert(pd.Series(many, dtype=object), CODE)
    alone = [convert(pd.Series([value], dtype=object), CODE).iloc[0] for value in values]
    assert whole.iloc[: len(values)].astype(object).fillna("").tolist() == [
        "" if pd.isna(value) else value for value in alone
    ]


@given(
    st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(
        lambda d: d.replace(microsecond=0)
    ),
    st.integers(-12, 14),
)
def test_an_instant_is_the_same_with_any_offset(moment: datetime, hours: int) -> None:
    column = Column(name="x", kind="date", format="ISO8601")
    there = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    stored = pa.array([there], pa.timestamp("us", tz="Europe/Berlin"))
    written = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": stored}), written)
    arrow, _ = read_parquet(written.getvalue().to_pybytes(), "t")
    ways = [pd.Series([there.isoformat()], dtype="str"), arrow["x"], pd.Series([moment])]
    assert {convert(way, column)[0] for way in ways} == {pd.Timestamp(moment)}


def make_table() -> pd.DataFrame:
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "code": random.integers(1, 4, ROWS),
            "member": random.choice(["No", "Yes"], ROWS),
            "size": random.normal(5, 2, ROWS).round(3),
            "visits": random.poisson(30, ROWS),
            "colour": random.choice(["red", "NA", "blue"], ROWS),
            "opened": [f"{d:%Y-%m-%dT%H:%M:%S}+02:00" for d in pd.date_range("2024", periods=ROWS)],
        }
    )
    score = (table["code"] == 2) * 2 + (table["member"] == "Yes") + table["size"] / 4
    table["y"] = (score + random.normal(0, 0.5, ROWS) > 2.6).map({True: 1.0, False: 0.0})
    return table


@pytest.fixture(scope="module")
def world(project: Any, quiet: Any, serving: Any) -> Any:
    """A champion of a table of every kind, served, and its settings."""
    own = project(make_table(), target="y", group="", sensitive=(), ignore=(), keep=("size",))
    check(own)
    train(*rows_of(own), own, quiet)
    ask_gate(own, override="only the machinery is looked at")
    with serving(own) as running:
        yield running


def rows_drawn() -> st.SearchStrategy[dict[str, Any]]:
    """Draw a typed row, as Python would hold it."""
    return st.fixed_dictionaries(
        {
            "code": st.sampled_from([1, 2, 3, 7]),
            "member": st.booleans(),
            "size": st.floats(-1e6, 1e6),
            "visits": st.integers(0, 2**40),
            "colour": st.sampled_from(["red", "NA", "blue", "None"]),
            "opened": MOMENTS,
        }
    )


def as_files(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write rows as CSV in two ways, and as Parquet in two."""
    paths = [folder / name for name in ("a.csv", "b.csv", "a.parquet", "b.parquet")]
    ways = (("Yes", "No", "", " "), ("True", "False", ".0", "T"))
    for path, (yes, no, end, between) in zip(paths, ways, strict=False):
        texts = [
            {
                "code": f"{row['code']}{end}",
                "member": yes if row["member"] else no,
                "size": repr(row["size"]),
                "visits": str(row["visits"]),
                "colour": row["colour"],
                "opened": f"{row['opened'].isoformat(between)}+00:00",
            }
            for row in rows
        ]
        pd.DataFrame(texts).to_csv(path, index=False)
    for path, kind in zip(paths[2:], (pa.int32(), pa.float64()), strict=True):
        kinds = {"code": kind}
        columns = {n: pa.array([row[n] for row in rows], kinds.get(n)) for n in rows[0]}
        pq.write_table(pa.table(columns), path)
    return paths


def as_json_rows(rows: list[dict[str, Any]], contract: Contract) -> list[list[dict[str, Any]]]:
    """Spell rows as JSON can: three ways of the rehearsal, and two more."""
    sent = [row | {"opened": row["opened"].isoformat()} for row in rows]
    zoned = [r | {"opened": f"{r['opened']}Z", "member": int(r["member"])} for r in sent]
    words = [r | {"member": "Yes" if r["member"] else "No"} for r in sent]
    return [sent, zoned, *map(list, zip(*(spellings(r, contract) for r in words), strict=True))]


@EASY
@given(rows=st.lists(rows_drawn(), min_size=10, max_size=10))
def test_a_row_has_one_answer_on_every_way(world: Any, tmp_path: Path, rows: Any) -> None:
    said = []
    for path in as_files(rows, tmp_path):
        out = tmp_path / f"out{path.suffix}"
        predict(world.settings, str(path), out, quiet)
        read = pd.read_parquet(out) if path.suffix == ".parquet" else pd.read_csv(out)
        said.append(read["probability of 1"].tolist())
    forms = as_json_rows(rows, world.server.slot.loaded.release.contract)
    before = len(world.ledger.served())
    for form in forms:
        answer = world.http.post("/predict", json={"rows": form})
        assert answer.status_code == 200, answer.text
        said.append([one["probabilities"]["1"] for one in answer.json()["predictions"]])
    columns = list(forms[0][0])
    split = {"columns": columns, "data": [[row[c] for c in columns] for row in forms[0]]}
    answer = world.http.post("/invocations", json={"dataframe_split": split})
    assert answer.status_code == 200, answer.text
    np.testing.assert_allclose(said, [said[0]] * len(said), rtol=1e-12)
    kept = world.ledger.served()["inputs"].iloc[before:]
    texts = [json.dumps(inputs, sort_keys=True) for inputs in kept]
    assert texts == texts[:10] * (len(forms) + 1)


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "1.0", "true", "Yes"])
def test_an_outcome_is_taken_however_it_is_written(world: Any, value: Any) -> None:
    row = world.http.get("/model").json()["typical_row"]
    asked = world.http.post("/predict", json={"rows": [row]}).json()["request_id"]
    outcome = {"request_id": asked, "row": 0, "value": value}
    answer = world.http.post("/outcomes", json={"outcomes": [outcome]})
    assert (answer.json()["taken"], answer.json()["refused"]) == (1, {})
    served = world.ledger.served()
    assert served.loc[served["request_id"] == asked, "outcome"].tolist() == ["1"]


def test_a_row_of_the_table_as_it_stands_is_taken(world: Any) -> None:
    table = make_table().astype(object).head(20)
    rows = [{name: value for name, value in row.items()} for row in table.to_dict("records")]
    for row in rows:
        row.pop("y")
        assert world.http.post("/predict", json={"rows": [row]}).status_code == 200


def test_a_bare_row_is_told_how_to_be_sent(world: Any) -> None:
    row = world.http.get("/model").json()["typical_row"]
    answer = world.http.post("/predict", json=row)
    assert answer.status_code == 422
    assert 'send {"rows": [' in answer.json()["detail"][0]["msg"]


def test_a_file_is_not_scored_onto_itself(world: Any, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    make_table().head(3).to_csv(path, index=False)
    before = path.read_bytes()
    with pytest.raises(WrongUse, match="name another file"):
        predict(world.settings, str(path), path, quiet)
    assert path.read_bytes() == before


def test_a_column_sent_twice_is_refused(world: Any) -> None:
    row = world.http.get("/model").json()["typical_row"]
    split = {"columns": [*row, "code"], "data": [[*row.values(), "2"]]}
    answer = world.http.post("/invocations", json={"dataframe_split": split})
    assert answer.status_code == 422
    assert "twice" in answer.text


def test_a_file_of_iso_dates_is_taken_whatever_the_table_had() -> None:
    column = Column(name="born", kind="date", format="%d.%m.%Y")
    contract = Contract(table={}, columns=(column,))
    texts = pd.DataFrame({"born": pd.Series(["1985-12-05", "1990-01-02"], dtype="str")})
    assert validate(contract, texts, "t")["born"].dt.month.tolist() == [12, 1]
    with pytest.raises(CheckFailed, match="row 1 '1985-12-05'"):
        validate(contract, pd.DataFrame({"born": ["1985-12-05", "02.01.1990"]}), "t")


def test_what_predict_writes_is_what_came_in_and_the_answer(world: Any, tmp_path: Path) -> None:
    given = make_table().drop(columns="y").head(5)
    ids = pa.array([2**53 + 1, None, 2**60 + 3, 5, 7], pa.int64())
    table = pa.Table.from_pandas(given.set_index(pd.Index([9, 8, 7, 6, 5], name=None)))
    table = table.append_column("id", ids).append_column("prediction", pa.array(["None"] * 5))
    pq.write_table(table, tmp_path / "in.parquet")
    predict(world.settings, str(tmp_path / "in.parquet"), tmp_path / "out.parquet", quiet)
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.select(table.column_names).equals(table)
    assert out.column_names[-3:] == ["prediction 2", "probability of 0", "probability of 1"]
    text = "id, colour,code,member,size,visits,opened\n007, None ,1,Yes,1.50,3,2024-01-01\n"
    (tmp_path / "in.csv").write_text(text)
    predict(world.settings, str(tmp_path / "in.csv"), tmp_path / "out.csv", quiet)
    head, line = (tmp_path / "out.csv").read_text().splitlines()
    assert line.startswith("007, None ,1,Yes,1.50,3,2024-01-01,")
    assert head.startswith("id, colour,code,member,size,visits,opened,prediction,")


LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
NAMES = st.text(LETTERS, min_size=1, max_size=300).filter(str.strip)
ODD = ["self", "index", "class", "columns", "Comments__c", "`x`", "[EUR] <net>", 'it\'s "q"', "😀"]
ODD += ["a", "A", "prediction", "rows", "1", "x" * 300, "$a$ {b} \\ %s"]


@settings(EASY, max_examples=2)
@given(drawn=st.lists(NAMES, min_size=8, max_size=8, unique_by=str.strip))
def test_any_name_works_through_training_and_service(
    project: Any, quiet: Callable[..., None], serving: Any, drawn: list[str]
) -> None:
    names = list(dict.fromkeys([*ODD, *drawn]))
    kinds = itertools.cycle(("code", "member", "size", "colour"))
    table, random = make_table().head(240), np.random.default_rng(4)
    columns = [table[next(kinds)].to_numpy()[random.permutation(240)] for _ in names]
    frame = pd.DataFrame(dict(enumerate(columns))).set_axis(names, axis=1)
    frame["the target"] = table["y"]
    own = project(frame, target="the target", group="", sensitive=(), ignore=())
    own = own.model_copy(update={"training": own.training.model_copy(update={"max_trials": 3})})
    contract = check(own).contract
    train(*rows_of(own), own, quiet)
    ask_gate(own, override="only the machinery is looked at")
    with serving(own) as running:
        rows = [running.http.get("/model").json()["typical_row"]]
        assert list(rows[0]) == contract.features
        assert len(contract.features) == len(names)
        for path in ("/predict", "/explain"):
            assert running.http.post(path, json={"rows": rows}).status_code == 200


def test_spell_and_frame_of_agree_with_a_table_about_what_is_missing() -> None:
    column = Column(name="x", kind="category", categories=("a",), missing=("NA",), nullable=True)
    contract = Contract(table={}, columns=(column,))
    values: list[Any] = ["a", "NA", "", " ", None]
    texts = validate(contract, pd.DataFrame({"x": ["a", "NA", np.nan, np.nan, np.nan]}), "t")
    typed = to_frame(contract, [{"x": value} for value in values])
    pd.testing.assert_frame_equal(texts, typed)
    assert [spell(value) for value in values[2:]] == [None] * 3
