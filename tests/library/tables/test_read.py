"""Tables as the world writes them become text with one way to say "missing"."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.data.values import spelled
from ml_lifecycle.errors import DataError, WorldBroken, WrongUse
from ml_lifecycle.tables.read import fetch, parse

PLAIN = "name,size\nanna,1\nbert,2\n"


def columns(data: bytes | str, header: bool = True) -> dict[str, list[str]]:
    content = data.encode() if isinstance(data, str) else data
    return parse(content, "t.csv", header).frame.to_dict(orient="list")


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace(",", " , ").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\n\n").encode(),
        gzip.compress(PLAIN.encode()),
    ],
)
def test_one_table_in_many_wrappings(data: bytes) -> None:
    assert columns(data) == {"name": ["anna", "bert"], "size": ["1", "2"]}


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("latin-1", "Köln München Straße café señor Málaga São"),
        ("cp1252", "été déjà élève français garçon hôtel forêt 5€"),
        ("cp1250", "Łódź Kraków Gdańsk Wrocław żółty źródło Częstochowa"),
        ("cp1251", "Москва Казань Самара красный синий да нет"),
        ("koi8_r", "Москва Казань Самара красный синий да нет"),
        ("cp1253", "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο κόκκινο ναι όχι"),
        ("cp1254", "İstanbul İzmir Şanlıurfa Muğla Çanakkale Ağrı"),
        ("cp932", "東京 大阪 名古屋 札幌 福岡 はい いいえ カタカナ"),
        ("gb18030", "北京 上海 广州 深圳 成都 红色 蓝色 杭州市"),
        ("euc_kr", "서울 부산 대구 인천 광주 아니오 빨강 파랑"),
        ("utf-16-le", "Köln München Москва 東京"),
        ("utf-16-be", "Köln München Москва 東京"),
    ],
)
def test_letters_are_read_as_they_were_meant(encoding: str, words: str) -> None:
    text = "".join(f"{i},x{i % 3},{word}\n" for i, word in enumerate(words.split() * 20))
    assert columns(("n,x,it\n" + text).encode(encoding))["it"] == words.split() * 20


def test_the_encoding_of_project_toml_is_taken_or_refused() -> None:
    data = "a,b\nпривет,1\n".encode("cp866")
    assert parse(data, "t", encoding="cp866").frame["a"].tolist() == ["привет"]
    with pytest.raises(DataError, match=r"t: line 2, byte 4: .* is no utf-8 text"):
        parse(data, "t", encoding="utf-8")
    with pytest.raises(WrongUse, match="no text encoding 'klingon'"):
        parse(data, "t", encoding="klingon")


def test_parquet_says_the_same_as_csv() -> None:
    frame = pd.DataFrame(
        {
            "size": [1.5, None, 3.0],
            "small": pd.array([1, None, 3], dtype="Int64"),
            "day": pd.to_datetime(["2024-01-02", "2024-01-03", None]),
            "yes": [True, False, True],
        }
    )
    written = io.BytesIO()
    frame.to_parquet(written)
    table = parse(written.getvalue(), "t.parquet").frame.apply(spelled)
    assert table["size"].dropna().tolist() == ["1.5", "3"]
    assert table["small"].dropna().tolist() == ["1", "3"]
    assert table["day"].dropna().tolist() == ["2024-01-02", "2024-01-03"]
    assert table["yes"].tolist() == ["true", "false", "true"]
    assert table.isna().sum().tolist() == [1, 1, 1, 0]


def test_reading_takes_nothing_but_an_empty_field_for_missing() -> None:
    found = columns("a,b\nNA,1\n?,2\n ,3\nnull,4\nnone of it,5\n")["a"]
    assert [value for value in found if not pd.isna(value)] == ["NA", "?", "null", "none of it"]
    assert pd.isna(found[2])


def test_names_are_stripped_numbered_and_given() -> None:
    assert list(columns(" a ,a,,b c\n1,2,3,4\n")) == ["a", "a_2", "column_3", "b c"]


def test_a_header_one_short_has_a_nameless_first_column() -> None:
    assert columns("a,b\n1,x,y\n2,z,w\n") == {
        "column_1": ["1", "2"],
        "a": ["x", "z"],
        "b": ["y", "w"],
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a,b\n"3\\" pipe",1\n"y",2\n', '3" pipe'),
        ('a,b\n"3\\" pipe, new",1\n"y",2\n', '3" pipe, new'),
        ('a,b\n"3\\"",1\n"y",2\n', '3"'),
        ("a,b\nx\\,y,1\nz\\,q,2\n", "x,y"),
        ('a,b\n"C:\\dir\\",1\n"y",2\n', "C:\\dir\\"),
        ("a,b\nC:\\dir\\x,1\ny,2\n", "C:\\dir\\x"),
        ('a,b\n"he ""x"" y",1\n"y",2\n', 'he "x" y'),
        ('sep=;\na;b\n"x,y";1\nz;2\n', "x,y"),
        ('a,b\n"x" ,1\n"y" , 2\n', "x"),
        ("a,b\nx,1,\nz,2,\n", "x"),
        ("a,b,\nx,1\nz,2\n", "x"),
    ],
)
def test_a_value_is_what_its_writer_meant_and_no_column_moves(text: str, value: str) -> None:
    found = columns(text)
    assert (found["a"][0], found["b"]) == (value, ["1", "2"])


CELLS = st.text("ab1 ,;\"'\n|", max_size=6)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=6)
)


def as_read(rows: list[list[str]]) -> list[list[str | None]]:
    return [[cell.strip() or None for cell in row] for row in rows]


@settings(deadline=None, max_examples=200)
@given(rows=TABLES, separator=st.sampled_from(",;\t|"), escaped=st.booleans())
def test_what_was_written_is_read_or_refused_but_never_moved(
    rows: list[list[str]], separator: str, escaped: bool
) -> None:
    written = io.StringIO()
    header = [f"column {place}" for place in range(len(rows[0]))]
    ways: dict[str, Any] = {"escapechar": "\\", "doublequote": False} if escaped else {}
    writer = csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL, **ways)
    writer.writerows([header, *rows])
    try:
        table = parse(written.getvalue().encode(), "t.csv").frame
    except DataError:
        return
    found = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    assert (list(table.columns), found) == (header, as_read(rows))


def test_of_two_regular_readings_the_one_without_a_stray_quote_is_taken() -> None:
    assert columns('"a";"b"\n"\\"";";1"\n') == {"a": ['"'], "b": [";1"]}


def test_without_header_columns_are_called_by_place() -> None:
    assert columns("1,x\n2,y\n", header=False) == {"column_1": ["1", "2"], "column_2": ["x", "y"]}


def test_quoted_separators_and_newlines_stay_in_the_value() -> None:
    assert columns('a,b\n"x,\ny",1\n') == {"a": ["x,\ny"], "b": ["1"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,2,3\n", "line 3: row 2 has 3 fields, not 2"),
        ("a,b\n1,2\n1,2\n1\n", "line 4: row 3 has 1 field, not 2"),
        ("a,b\n", "no rows"),
        ("", "empty"),
        ('a,b\n"' + "x" * 150_000 + ",1\n", "line 2: a quote is opened"),
        ('a,b\n1,"2\n3,4\n', "line 2: a quote is opened there and never closed"),
        ('a,b\n1,2\n3,"4\n5,6\n7,"8\n', "line 3: a quote inside a value"),
        ("a,b\nx,1\ny;2\n", "line 3: row 2 has 1 field, not 2; its separator seems to be ';'"),
        ("a,b\nx,1,3\nx,2,4\n", "the header has 2 names and each row 3 fields"),
        ("PK\x03\x04\0\0", "no text"),
        ("a,b\n" + "1,2\n" * 300 + "3,\0\n", "line 302 holds a NUL character"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        columns(text)


def test_broken_files_are_said_to_be_broken() -> None:
    for data in (gzip.compress(PLAIN.encode())[:-9], b"PAR1 and no more"):
        with pytest.raises(DataError, match="broken"):
            columns(data)


@pytest.mark.parametrize("start", [0, 1001])
def test_an_index_with_a_name_is_a_column_and_one_without_is_none(start: int) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=pd.RangeIndex(start, start + 2, name="id"))
    named, nameless, doubled = io.BytesIO(), io.BytesIO(), io.BytesIO()
    frame.to_parquet(named)
    frame.rename_axis(None).set_index([[7, 9]]).to_parquet(nameless)
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), doubled)
    found = parse(named.getvalue(), "t").frame.to_dict(orient="list")
    assert found == {"id": [start, start + 1], "a": [1.5, 2.5]}
    assert parse(nameless.getvalue(), "t").frame.to_dict(orient="list") == {"a": [1.5, 2.5]}
    assert parse(doubled.getvalue(), "t").frame.to_dict(orient="list") == {"a": [1], "a_2": [2]}


def test_letters_in_parquet_that_are_no_text_are_refused() -> None:
    rows = [pa.py_buffer(np.array([0, 2, 4], dtype="int32")), pa.py_buffer(b"\xff\xfeab")]
    written = io.BytesIO()
    pq.write_table(pa.table({"a": pa.Array.from_buffers(pa.string(), 2, [None, *rows])}), written)
    with pytest.raises(DataError, match="text that is not UTF-8"):
        columns(written.getvalue())


def test_an_absent_file_and_a_silent_server_are_different_things(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="no-such"):
        fetch("no-such.csv", tmp_path)
    with pytest.raises(WorldBroken):
        fetch("http://127.0.0.1:9/t.csv", tmp_path)
