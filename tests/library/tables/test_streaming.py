"""A table that is read piece by piece is the table that is read whole, and its faults are named."""

import gzip
import os
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.errors import DataError, WrongUse
from ml_lifecycle.tables import Table, local, pieces, read_table

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff\ue000"), max_size=8)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.lists(values, min_size=width, max_size=width), min_size=3, max_size=40
    )
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few bytes be a large file."""
    monkeypatch.setattr("ml_lifecycle.tables.streaming.WHOLE", 300)


def together(parts: list[Table]) -> pd.DataFrame:
    return pd.concat([part.frame for part in parts])


def read(path: Path, rows: int, **options: Any) -> list[Table]:
    found = list(pieces(path, path.name, rows, **options))
    assert [piece.table.frame.index[0] for piece in found] == [
        rows * place for place in range(len(found))
    ]
    shares = [piece.share for piece in found]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return [piece.table for piece in found]


def same(path: Path, rows: int, **options: Any) -> None:
    whole = read_table(str(path), path.parent, **options)
    found = read(path, rows, **options)
    assert all(len(part.frame) == rows for part in found[:-1])
    pd.testing.assert_frame_equal(together(found), whole.frame)
    if not whole.typed:
        came = pd.concat([part.given for part in found])
        pd.testing.assert_frame_equal(came, whole.given)


def written(path: Path, rows: list[list[str]], encoding: str = "utf-8", **options: Any) -> Path:
    names = [f"c{place}" for place in range(len(rows[0]))]
    frame = pd.DataFrame(rows, columns=names)
    path.write_bytes(frame.to_csv(index=False, quoting=1, **options).encode(encoding))
    return path


@SETTINGS
@given(tables, st.integers(1, 50))
def test_a_small_text_is_the_same_in_pieces(
    tmp_path: Path, rows: list[list[str]], size: int
) -> None:
    same(written(tmp_path / "t.csv", rows), size)


@SETTINGS
@given(tables, st.integers(1, 50), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_large_text_is_the_same_in_pieces(
    small: None, tmp_path: Path, rows: list[list[str]], size: int, encoding: str
) -> None:
    # Long enough to be large, with a beginning that tells what it is.
    rows = [["plain"] * len(rows[0])] * 20 + rows
    same(written(tmp_path / "t.csv", rows, encoding), size)


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_a_large_text_may_be_packed_and_cut_by_any_separator(
    small: None, tmp_path: Path, sep: str
) -> None:
    rows = [[str(n), f"{n},5; a|b", "x"] for n in range(1000)]
    path = written(tmp_path / "t.csv", rows, sep=sep)
    same(path, 128)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    same(packed, 128)


def test_a_large_text_may_come_without_a_header_or_with_excels_word(
    small: None, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("".join(f"{n};b{n}\n" for n in range(200)))
    same(bare, 64, header=False)
    excel = tmp_path / "excel.csv"
    excel.write_text("sep=;\r\na;b\r\n" + "".join(f"{n};b{n}\r\n" for n in range(200)))
    same(excel, 64)


@pytest.mark.parametrize("index", [None, pd.RangeIndex(5, 1505, 3, name="id")])
def test_parquet_is_the_same_in_pieces(tmp_path: Path, index: Any) -> None:
    frame = pd.DataFrame({"a": range(500), "b": [None, "x", " y "] * 166 + ["z", ""]}, index=index)
    frame.to_parquet(tmp_path / "t.parquet")
    same(tmp_path / "t.parquet", 64)


def large(path: Path, *last: str) -> Path:
    path.write_text("a,b\n" + "1,2\n" * 500 + "".join(f"{line}\n" for line in last))
    return path


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("1", "line 502: row 501 has 1 field, not 2"),
        ("1,2,3", "line 502: row 501 has 3 fields, not 2"),
        ('1,"2', "line 502: a quote is opened there and never closed"),
    ],
)
def test_what_is_wrong_far_down_is_named(small: None, tmp_path: Path, last: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"t\.csv: .*{said}"):
        read(large(tmp_path / "t.csv", last), 64)


def test_text_of_another_encoding_far_down_is_named(small: None, tmp_path: Path) -> None:
    path = large(tmp_path / "t.csv")
    path.write_bytes(path.read_bytes() + b"1,caf\xe9\n")
    with pytest.raises(DataError, match=r"t\.csv: b'\\xe9\\n' is no utf-8 text"):
        read(path, 64)


def test_broken_files_are_said(small: None, tmp_path: Path) -> None:
    packed = gzip.compress(large(tmp_path / "t.csv").read_bytes() * 50)
    (tmp_path / "t.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match="broken gzip"):
        read(tmp_path / "t.csv.gz", 64)
    pq.write_table(pa.table({"a": range(1000)}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[:100] + whole[200:])
    with pytest.raises(DataError, match="broken Parquet"):
        read(tmp_path / "t.parquet", 64)


def test_a_pipe_is_read_once_and_as_the_file_is(tmp_path: Path) -> None:
    path, pipe = written(tmp_path / "t.csv", [["1", "2"], ["3", "4"]]), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    with local(str(pipe), tmp_path) as copy:
        pd.testing.assert_frame_equal(together(read(copy, 1)), together(read(path, 1)))
    writer.join()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"no\.csv"), local("no.csv", tmp_path):
        pass


@pytest.mark.parametrize("encoding", ["klingon", "hex"])
def test_an_encoding_that_there_is_not_is_refused_in_a_large_text_too(
    tmp_path: Path, small: None, encoding: str
) -> None:
    path = written(tmp_path / "t.csv", [["a", "b"]] * 200)
    with pytest.raises(WrongUse, match=f"no text encoding '{encoding}'"):
        read(path, 10, encoding=encoding)
