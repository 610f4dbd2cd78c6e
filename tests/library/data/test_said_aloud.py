"""Nothing is called fine that was not looked at, and every word for "no value" is said."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.check import CheckedTable
from ml_lifecycle.data.sensitive import may_be_sensitive
from ml_lifecycle.errors import CheckFailed
from project.data import TOLD
from project.lifecycle import ask_gate
from project.settings import Settings
from project.training import train
from world import check, rows_of

ROWS = 400


def make_frame(**columns: Any) -> pd.DataFrame:
    random = np.random.default_rng(6)
    x = random.normal(size=ROWS)
    y = np.where(x + random.normal(0, 0.5, ROWS) > 0, "yes", "no")
    return pd.DataFrame({"x": x, **columns, "y": y})


@pytest.fixture
def own(project: Any) -> Callable[..., Settings]:
    def make(frame: pd.DataFrame, **data: Any) -> Settings:
        return project(
            frame, **({"target": "y", "group": "", "sensitive": (), "ignore": ()} | data)
        )

    return make


def told(checked: CheckedTable, name: str) -> list[str]:
    return [finding.text for finding in checked.findings if finding.column == name]


def every(values: list[Any], *often: int) -> list[Any]:
    """Return 400 values: the first one everywhere, each other one every so often."""
    found = [values[0]] * ROWS
    for value, step in zip(values[1:], often, strict=True):
        found[:: ROWS // step] = [value] * len(found[:: ROWS // step])
    return found


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        (every(["1.5", "2.5", "NA"], 200, 40), True),
        (every(["2024-01-01", "2024-01-02", "None"], 200, 40), True),
        (every(["yes", "no", "?"], 200, 100), True),
        (every(["medium", "large", "NULL"], 200, 20), True),
        (every(["EU", "AS", "NA"], 200, 100), False),
        (every(["Mild", "Severe", "None"], 200, 100), False),
        (every(["+", "x", "-"], 200, 100), False),
    ],
)
def test_a_word_is_missing_only_where_the_other_values_make_it_odd(
    own: Any, values: list[str], missing: bool
) -> None:
    checked = check(own(make_frame(it=values)))
    word = next(value for value in ("NA", "None", "?", "NULL", "-") if value in values)
    (column,) = (column for column in checked.contract.columns if column.name == "it")
    assert column.nullable == missing
    how = "is read as missing" if missing else "is taken for a value"
    assert [text for text in told(checked, "it") if how in text and repr(word) in text]
    assert (checked.rows["it"].isna().sum() == values.count(word)) == missing


def test_which_words_are_missing_can_be_said(own: Any) -> None:
    values = every(["EU", "AS", "NA", "-"], 200, 100, 20)
    settings = own(make_frame(it=values), missing=("NA",))
    checked = check(settings)
    assert checked.rows["it"].isna().sum() == values.count("NA")
    assert "-" in set(checked.rows["it"])
    again = check(settings)
    assert again.changes == ()


def test_in_the_target_a_word_is_a_class_unless_it_is_said(own: Any) -> None:
    frame = make_frame()
    frame["y"] = np.where(frame["x"] > 1, "None", frame["y"].replace({"yes": "ill", "no": "well"}))
    checked = check(own(frame))
    assert checked.contract.target.categories == ("None", "ill", "well")
    assert "is taken for a value" in told(checked, "y")[0]
    assert check(own(frame, missing=("None",))).contract.target.categories == ("ill", "well")
    frame["y"] = frame["y"].replace({"ill": "yes", "well": "no"})
    with pytest.raises(CheckFailed, match=r"y: 'None' in \d+ rows .* missing = \['None'\]"):
        check(own(frame))
    assert check(own(frame, missing=())).contract.target.categories == ("None", "no", "yes")
    numbers = frame.assign(y=np.where(frame["x"] > 1, "NA", frame["x"].round(3)))
    with pytest.raises(CheckFailed, match=r"(?s)is no number: row .*'NA'.*missing = \['NA'\]"):
        check(own(numbers))


def test_parquet_has_nulls_and_its_words_are_words(own: Any) -> None:
    values = every(["yes", "no", "NA"], 200, 20)
    settings = own(make_frame(it=values))
    make_frame(it=values).to_parquet(settings.project.root / "table.csv")
    checked = check(settings)
    assert checked.rows["it"].isna().sum() == 0
    assert set(checked.rows["it"]) == {"yes", "no", "NA"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, ["a", "b", "c"]) for name in ("Geschlecht", "étatCivil", "state_of_religion")),
        *((name, ["a", "b", "c"]) for name in ("Age", "ageGroup", "国籍", "пол", "раса")),
        *((name, ["0", "1"]) for name in ("male", "is_black", "foreignWorker", "married")),
        *(("col7", pair) for pair in (["m", "F"], ["Female", "Male"], ["男", "女"])),
        ("team", ["red", "blue"]),
    ],
)
def test_a_column_about_people_is_asked_for_in_any_language(name: str, values: list[str]) -> None:
    assert may_be_sensitive(name, values, TOLD, more=["team"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("page", ["a", "b"]),
        ("usage", ["1", "2"]),
        ("male_count", ["1", "2", "3"]),
        ("manager", ["yes", "no"]),
        ("team", ["red", "blue"]),
    ],
)
def test_a_column_about_things_is_not(name: str, values: list[str]) -> None:
    assert not may_be_sensitive(name, values, TOLD)


def trained(own: Any, quiet: Any, frame: pd.DataFrame, **data: Any) -> tuple[Any, Any, Settings]:
    settings = own(frame, **data)
    checked = check(settings)
    return checked, train(*rows_of(settings), settings, quiet), settings


@pytest.mark.parametrize(
    "groups",
    [
        every(["a", "b"], 10),
        [""] * ROWS,
        [f"person {number}" for number in range(ROWS)],
        every([1.0, 0.0, np.nan], 8, 4),
    ],
)
def test_fairness_that_cannot_be_assessed_is_said_by_check_train_and_gate(
    own: Any, quiet: Any, groups: list[Any]
) -> None:
    checked, made, settings = trained(own, quiet, make_frame(male=groups), sensitive=("male",))
    assert "cannot be assessed" in told(checked, "male")[0]
    assert any("fairness by 'male' was not" in said for said in made.evaluation.unassessed)
    assert "fairness by 'male' was not assessed" in ask_gate(settings).reason


def test_a_rate_that_too_few_positives_carry_is_said(own: Any, quiet: Any) -> None:
    frame = make_frame(male=every(["a", "b"], 200))
    frame["y"] = np.where(frame["x"] > frame["x"].quantile(0.85), "yes", "no")
    frame["x"] += np.random.default_rng(1).normal(0, 1, ROWS)
    _, made, _ = trained(own, quiet, frame, sensitive=("male",))
    gaps, unknown = made.evaluation.gaps["male"], made.evaluation.unassessed
    assert (gaps["roc_auc"] is None, gaps["true_positive_rate"]) == (False, None)
    assert any("the true positive rate by 'male' was not compared" in said for said in unknown)


def test_a_sensitive_column_of_two_values_and_a_gap_is_two_groups(own: Any, quiet: Any) -> None:
    groups = every([1.0, 0.0], 200)
    groups[7] = None
    _, made, _ = trained(own, quiet, make_frame(male=groups), sensitive=("male",))
    parts = {p.value: p for p in made.evaluation.slices if p.column == "male"}
    assert parts.keys() - {"(missing)"} == {"0", "1"}
    assert made.evaluation.gaps["male"]["roc_auc"] is not None
    assert not any("fairness" in said for said in made.evaluation.unassessed)


def test_a_class_without_a_test_row_is_said(own: Any, quiet: Any) -> None:
    frame = make_frame(t=[f"2024-{n // 28 % 12 + 1:02}-{n % 28 + 1:02}" for n in range(ROWS)])
    frame = frame.sort_values("t", ignore_index=True)
    frame.loc[:20, "y"], frame.loc[ROWS - 3 :, "y"] = "early", "late"
    checked, made, settings = trained(own, quiet, frame, time="t")
    said = " ".join(told(checked, "y"))
    assert "no row of the test part is of class 'early'" in said
    assert "no row of the training part is of class 'late'" in said
    assert "no test row is of class 'early'" in made.evaluation.unassessed
    assert "no test row is of class 'early'" in ask_gate(settings).reason


def test_a_test_part_of_one_group_is_said_and_held(own: Any, quiet: Any) -> None:
    frame = make_frame(shop=every(["a", "b", "c"], 100, 50))
    checked, made, settings = trained(own, quiet, frame, group="shop")
    assert len(set(checked.rows["shop"].iloc[checked.split.test])) == 1
    assert "the gate holds; choose a finer `group`" in told(checked, "shop")[0]
    assert any("of one group" in said for said in made.evaluation.unassessed)
    verdict = ask_gate(settings)
    assert verdict.verdict == "hold"
    assert "are of one 'shop', so what is chance cannot be told" in verdict.reason


def test_a_test_part_of_one_value_is_refused_by_name(own: Any) -> None:
    frame = make_frame(t=[f"2024-{n // 28 % 12 + 1:02}-{n % 28 + 1:02}" for n in range(ROWS)])
    frame = frame.sort_values("t", ignore_index=True).assign(y=frame["x"])
    frame.loc[ROWS // 2 :, "y"] = 5.0
    with pytest.raises(CheckFailed, match=r"'y': all \d+ rows of the test part have the value"):
        check(own(frame, time="t"))


def test_no_feature_left_is_said_with_the_reason_of_each(own: Any) -> None:
    frame = make_frame(id=[f"n{n}" for n in range(ROWS)], shop=["S1"] * ROWS).drop(columns="x")
    with pytest.raises(CheckFailed) as error:
        check(own(frame))
    assert "no feature is left" in str(error.value)
    assert "'id' (a value of its own in each row), 'shop' (constant)" in str(error.value)


def test_what_the_service_cannot_take_is_said_and_never_keeps_a_model_out(
    own: Any, quiet: Any, serving: Any
) -> None:
    frame = make_frame(text=[f"the {n} red fox jumps over {n * n}" for n in range(ROWS)])
    frame.loc[[5, 30], "text"] = "word " * 3000
    frame.loc[ROWS - 1, "x"] = 1e150
    checked, _, settings = trained(own, quiet, frame, ordered=True)
    assert "2 of 400 values are longer than max_text_length" in told(checked, "text")[0]
    assert "1 value is larger than max_number" in " ".join(told(checked, "x"))
    assert ask_gate(settings, override="only the machinery is looked at").version == 1
    with serving(settings) as running:
        row = running.http.get("/model").json()["typical_row"]
        for wrong in ({"x": 1e150}, {"text": "word " * 3000}):
            answer = running.http.post("/predict", json={"rows": [row | wrong]})
            assert answer.status_code == 422
            assert len(answer.text) < 200


def test_a_target_that_the_service_cannot_answer_with_is_refused(own: Any) -> None:
    frame = make_frame()
    with pytest.raises(CheckFailed, match=r"y: \d+ of 400 values are larger than max_number"):
        check(own(frame.assign(y=frame["x"] * 1e201)))


def test_a_model_that_earns_less_than_a_constant_is_said_and_held(own: Any, quiet: Any) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=3000)
    paid = np.exp(random.normal(2, 0.3, 3000)) + (random.random(3000) < 0.05) * (900 + 300 * x)
    _, made, settings = trained(own, quiet, pd.DataFrame({"x": x, "y": paid}))
    (said,) = made.evaluation.losing
    assert "the model surely earns less than 'always " in said
    verdict = ask_gate(settings)
    assert (verdict.verdict, said in verdict.reason) == ("hold", True)
    gate = settings.gate.model_copy(update={"value": False})
    taken = ask_gate(settings.model_copy(update={"gate": gate}))
    assert said not in taken.reason
