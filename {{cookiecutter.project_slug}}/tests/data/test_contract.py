"""The contract is kept by the table, says what no feature may be, and guards what is personal."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from project.data import CHECKS
from project.features import features
from project.settings import Settings
from world import make_table, quick

from ml_lifecycle.data import Contract, check_data, load_rows, row_hashes, split_rows, validate
from ml_lifecycle.data.contract import NUMERIC, USED, Column, save_contract
from ml_lifecycle.errors import DataError
from ml_lifecycle.tables import read_table

Rows = tuple[pd.DataFrame, Contract]


@pytest.mark.ml_test("data", 1)
def test_the_projects_own_table_keeps_its_contract(settings: Settings, own: Rows) -> None:
    frame, contract = load_rows(settings.project, settings.data)
    assert len(frame) >= len(own[0]) > 0
    assert list(frame) == [column.name for column in contract.with_role(*USED)]
    for column in contract.with_role(*USED):
        typed = frame[column.name]
        if column.kind in NUMERIC:
            assert np.isfinite(typed.dropna()).all()
        assert column.nullable or typed.notna().all()


@pytest.mark.ml_test("data", 1)
def test_a_row_that_breaks_the_contract_is_refused_by_its_place(
    settings: Settings, own: Rows
) -> None:
    contract = own[1]
    raw = read_table(settings.data.source, settings.project.root, settings.data.header).frame
    raw = raw.head(200)
    raw = raw[raw[contract.target.name].notna()].reset_index(drop=True)
    broken = [c for c in contract.with_role(*USED) if c.kind in (*NUMERIC, "date")]
    for column in [*broken, contract.target]:
        bad = raw.copy()
        bad.loc[4, column.name] = "rubbish"
        with pytest.raises(DataError) as refused:
            validate(contract, bad, "t.csv")
        for said in ("t.csv", f"'{column.name}'", "row 5", "'rubbish'"):
            assert said in str(refused.value)


@pytest.mark.ml_test("data", 1)
def test_a_missing_value_that_the_contract_rules_out_is_refused_by_its_place() -> None:
    column = Column(name="age", kind="integer")
    raw = pd.DataFrame({"age": ["1", np.nan, "3"]}, dtype=object)
    with pytest.raises(DataError, match=r"column 'age' is missing.*row 2"):
        validate(Contract(table={}, columns=(column,)), raw, "t.csv")
    validate(Contract(table={}, columns=(column.replace(nullable=True),)), raw, "t.csv")


@pytest.mark.ml_test("data", 4)
@pytest.mark.parametrize("style", ["linear", "quantile", "trees"])
def test_only_features_reach_the_matrix(own: Rows, style: Any) -> None:
    frame, contract = own
    matrix = features(contract, style)
    used = {name for _, _, given in matrix.transformers for name in np.atleast_1d(given)}
    assert used == set(contract.features)
    target = frame[contract.target.name]
    without = features(contract, style).fit_transform(frame[contract.features], target)
    np.testing.assert_array_equal(dense(matrix.fit_transform(frame, target)), dense(without))


def dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix)


def checked_of(root: Path, frame: pd.DataFrame, **data: Any) -> Any:
    frame.to_csv(root / "table.csv", index=False)
    settings = quick(root, **data)
    return settings, check_data(settings.project, settings.data, CHECKS, settings.service)


@pytest.mark.ml_test("data", 4)
def test_ids_constants_and_what_is_named_are_no_features(tmp_path: Path) -> None:
    frame = make_table().assign(key=lambda t: [f"k{i * 7919 % 10007}" for i in range(len(t))])
    _, checked = checked_of(tmp_path, frame.assign(number=range(len(frame)), same="x"))
    roles = {column.name: column.role for column in checked.contract.columns}
    expected = {"key": "id", "number": "id", "same": "ignored", "email": "ignored"}
    expected |= {"gender": "sensitive", "customer": "group", "target": "target"}
    assert {name: roles[name] for name in expected} == expected
    assert {n for n, role in roles.items() if role == "feature"} == roles.keys() - expected.keys()


@pytest.mark.ml_test("data", 5)
@pytest.mark.parametrize("name", ["email", "Last_Name", "phone_number", "birth_date", "IBAN"])
def test_what_looks_personal_is_pointed_out(tmp_path: Path, name: str) -> None:
    plain = np.random.default_rng(0).normal(size=300)
    values = [f"v{i % 40}" for i in range(300)]
    frame = pd.DataFrame({name: values, "x": plain, "target": ["a", "b"] * 150})
    _, checked = checked_of(tmp_path, frame, group="", sensitive=(), ignore=())
    assert [f.column for f in checked.findings if "personal" in f.text] == [name]


@pytest.mark.parametrize("name", ["gender", "maritalStatus", "alter", "国籍"])
def test_what_nobody_should_be_judged_by_is_pointed_out(tmp_path: Path, name: str) -> None:
    values = [f"v{i % 7}" for i in range(300)]
    frame = pd.DataFrame({name: values, "x": range(300), "target": ["a", "b"] * 150})
    _, checked = checked_of(tmp_path, frame, group="", sensitive=(), ignore=())
    assert [f.column for f in checked.findings if "may be sensitive" in f.text] == [name]


@pytest.mark.ml_test("data", 5)
def test_a_refusal_does_not_repeat_what_was_sent(client: Any) -> None:
    row = client.get("/model").json()["typical_row"]
    for column in row:
        answer = client.post("/predict", json={"rows": [row | {column: ["my secret"]}]})
        assert answer.status_code == 422
        assert column in answer.text
        assert "my secret" not in answer.text


@pytest.mark.ml_test("data", 5)
def test_the_ledger_keeps_no_ignored_column(client: Any, served: Any) -> None:
    row = client.get("/model").json()["typical_row"] | {"email": "me@example.org"}
    answer = client.post("/predict", json={"rows": [row]})
    if answer.status_code == 200:
        kept = served.ledger.served().set_index("request_id").loc[answer.json()["request_id"]]
        assert "me@example.org" not in json.dumps(kept["inputs"])


@pytest.mark.ml_test("data", 6)
def test_a_new_column_becomes_a_feature_by_the_contract_alone(tmp_path: Path) -> None:
    frame = make_table()
    settings, checked = checked_of(tmp_path, frame)
    before = checked.contract
    fresh = frame.assign(fresh=np.random.default_rng(0).normal(size=len(frame)))
    _, again = checked_of(tmp_path, fresh)
    assert "'fresh' is new in the table" in again.changes
    assert again.contract.features == before.features
    columns = (*before.columns, Column(name="fresh", kind="number"))
    changed = before.model_copy(update={"columns": columns})
    save_contract(changed, settings.project.contract_path)
    rows, after = load_rows(settings.project, settings.data)
    widths = [features(c, "trees").fit_transform(rows).shape[1] for c in (before, after)]
    assert widths[1] == widths[0] + 1


def test_no_row_and_no_group_of_the_own_table_is_on_both_sides(
    settings: Settings, own: Rows
) -> None:
    frame, contract = own
    used = frame[contract.used].drop_duplicates().index
    for fitted, judged in split_rows(frame, contract, settings.data).folds:
        train, test = frame.iloc[fitted], frame.iloc[judged]
        both = np.intersect1d(row_hashes(train), row_hashes(test))
        assert len(both) <= len(frame) - len(used)  # only rows that the table holds twice
        if contract.group:
            assert not set(train[contract.group]) & set(test[contract.group])
        if contract.time:
            assert train[contract.time].max() <= test[contract.time].min()
