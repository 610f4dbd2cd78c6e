"""The page about a table: each column with what was found, and nobody's name on it."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.data import Finding
from ml_lifecycle.data.check import CheckedTable
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.pages import data, data_page
from project.data import PATTERNS, PERSONAL
from project.data import check as check_and_write
from world import check, make_table

EVIL = "<script>alert(1)</script> $\\frac{a}$ `b` 价格 😀"
Page = tuple[CheckedTable, Callable[..., str]]


@pytest.fixture
def make(project: Any) -> Callable[..., Page]:
    """Check a table, and return what was found with what makes its page."""

    def check_it(frame: pd.DataFrame | None = None, **options: Any) -> Page:
        own = project(frame, **options)

        def page(checked: CheckedTable) -> str:
            return data_page(checked, own.project, own.data.ordered, PERSONAL, PATTERNS)

        return check(own), page

    return check_it


@pytest.fixture
def page(make: Callable[..., Page]) -> Callable[..., str]:
    """Return the page about a table."""

    def show(*frame: pd.DataFrame, **options: Any) -> str:
        checked, page = make(*frame, **options)
        return page(checked)

    return show


def section(text: str, name: str) -> str:
    """Return what stands on a page about one column."""
    [found] = [part for part in text.split("<section")[1:] if f"<h3>{name}</h3>" in part]
    return found.split("</section>")[0]


def test_the_page_is_one_file_without_script_that_fetches_nothing(page: Any) -> None:
    text = page(time="since")
    assert len(text.encode()) < 1_000_000
    assert "<script" not in text.lower()
    assert not re.findall(r"(?:src|href|xlink:href)\s*=\s*[\"'](?!#)", text)
    assert not re.findall(r"url\((?!#)|@import", text)
    assert not re.findall(r"<(?:link|iframe|object|embed|img|form|base)\b", text)


def test_what_stops_a_check_stands_by_its_picture_too(project: Any, quiet: Any) -> None:
    table = make_table()
    own = project(table.assign(known=table["target"]))
    with pytest.raises(CheckFailed, match=r"known: .*\n?.*Look at reports/data\.html"):
        check_and_write(own, quiet)
    text = (own.project.reports / "data.html").read_text(encoding="utf-8")
    assert 'class="warn"' in section(text, "known")
    assert "<svg" in section(text, "known")


def test_each_column_stands_with_what_the_contract_says_of_it_the_target_first(page: Any) -> None:
    text = page()
    names = re.findall("<h3>(.*?)</h3>", text)
    assert names == ["target", *make_table().columns.drop("target")]
    assert "category: whole numbers with 4 values: codes" in section(text, "zone")
    assert re.search(r"feature, number.* to .*\d% missing", section(text, "usage"))


def test_each_finding_stands_at_its_column_and_that_of_no_column_above(make: Any) -> None:
    checked, page = make()
    findings = [Finding("usage", "is `odd`"), Finding("plan", "is new"), Finding("(rows)", "few")]
    text = page(replace(checked, findings=tuple(findings)))
    assert "is <code>odd</code>." in section(text, "usage")
    assert "is new." in section(text, "plan")
    assert 'class="warn"' not in section(text, "calls")
    top = text.split("<section")[0]
    assert "(rows): few." in " ".join(top.split())
    for name in ("usage", "plan"):
        [place] = re.findall(rf'href="#(column-\d+)">{name}<', top)
        assert section(text, name).startswith(f' id="{place}"')


def test_a_name_or_a_value_from_the_wild_is_text(page: Any) -> None:
    frame = make_table().rename(columns={"usage": EVIL})
    frame["plan"] = frame["plan"].replace("basic", "<script>")
    text = page(frame, time="since")
    assert "<script" not in text.lower()
    assert "$\\frac{a}$ `b` 价格 😀</h3>" in text
    assert "&lt;script&gt;" in section(text, "plan")


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_whatever_a_column_is_called_it_has_a_picture(make: Any, name: str) -> None:
    checked, page = make_once(make)
    column = checked.contract.columns[4].replace(name=name)
    columns = (*checked.contract.columns[:4], column, *checked.contract.columns[5:])
    names = {"usage": name}
    changed = replace(
        checked,
        contract=checked.contract.model_copy(update={"columns": columns}),
        table=replace(checked.table, frame=checked.table.frame.rename(columns=names)),
        rows=checked.rows.rename(columns=names),
        findings=(Finding(name, "is odd"),),
    )
    parts = page(changed).split("<section")
    assert len(parts) == len(columns) + 1
    assert "<svg" in parts[6]
    assert "is odd." in parts[6]


def make_once(make: Any, kept: list[Page] = []) -> Page:  # noqa: B006
    """Check one table for all examples."""
    if not kept:
        kept.append(make())
    return kept[0]


def personal(frame: pd.DataFrame) -> pd.DataFrame:
    """Add columns that name people, each in its own way."""
    random, rows = np.random.default_rng(0), len(frame)
    return frame.assign(
        first_name=random.choice(["Annabella", "Bertholdine", "Casimir"], rows),
        contact=[f"someone{n % 40}@mail.example" if n % 3 else "by letter" for n in range(rows)],
        phone=random.integers(10**9, 10**10, rows),
        doctor=random.choice(["Dr. Zweistein", "Dr. Knochenberg"], rows),
        said=[" ".join(random.choice(["fine", "secretword", "bad"], 6)) for _ in range(rows)],
    )


def test_no_value_of_a_column_that_names_people_stands_on_the_page(page: Any) -> None:
    frame = personal(make_table())
    text = page(frame, ignore=("email", "doctor"), time="since")
    words = "Annabella|Bertholdine|Casimir|@|by letter|Zweistein|secretword|c0[0-9]{3}"
    assert not re.findall(words, text)
    assert not any(str(number) in text for number in frame["phone"])
    for name in ("customer", "email", "first_name", "contact", "phone", "doctor"):
        assert "values not shown" in section(text, name)
        assert "<svg" not in section(text, name)
    assert "values not shown" not in section(text, "plan")


def test_a_finding_that_quotes_such_a_value_is_not_told(make: Any) -> None:
    checked, page = make(personal(make_table()))
    findings = (
        Finding("first_name", "is 'Annabella' in 99.7% of its values"),
        Finding("usage", "is missing in 30% of first_name 'Casimir'"),
        Finding("calls", "is missing in 30% of plan 'basic'"),
    )
    text = page(replace(checked, findings=findings))
    assert "Annabella" not in text
    assert "Casimir" not in text
    assert "quotes a value" in section(text, "first_name")
    assert "quotes a value" in section(text, "usage")
    assert "of plan &#39;basic&#39;" in section(text, "calls")


def test_yes_and_no_name_nobody_whatever_the_column_is_called(page: Any) -> None:
    frame = make_table().assign(email_opened=np.resize(["yes", "no", "no"], 800))
    assert "<svg" in section(page(frame), "email_opened")


@pytest.mark.parametrize("options", [{"time": "since"}, {"ordered": True, "group": ""}])
def test_where_there_is_time_each_column_but_the_time_is_drawn_over_it(
    page: Any, options: dict[str, Any]
) -> None:
    text = page(**options)
    assert "over time" in section(text, "usage")
    assert "% missing over time" in section(text, "usage")
    assert "% missing" not in section(text, "calls")
    if "time" in options:
        assert "over time" not in section(text, "since")


def test_a_table_without_time_has_no_curve_over_time(page: Any) -> None:
    text = page()
    assert "over time<" not in text.replace(" -->", "<")
    assert "nothing is drawn over time" in text


def test_of_many_rows_some_are_drawn_and_the_page_says_so(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, page = make(time="since")
    assert "at random" not in page(checked)
    monkeypatch.setattr(data, "MOST", 300)
    assert "Drawn are 300 rows, taken at random." in " ".join(page(checked).split())
