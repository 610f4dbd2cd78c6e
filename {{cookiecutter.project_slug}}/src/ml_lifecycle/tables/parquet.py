"""Parquet read as what it is: typed columns, in which only a null is missing; and written back.

In: bytes. Out: the table as it came, and a frame of str, Int64, UInt64, float64, boolean and
datetime64 (UTC where it has a zone). An index that pandas left there is a matter of pandas.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as kinds

from ..errors import DataError

INDEX = re.compile(r"__index_level_\d+__")
TEXT = pa.string()
Fits = Callable[[pa.DataType], bool]
# What a type is cast to, step by step, by the first line that fits; all else to text.
CASTS: tuple[tuple[Fits, tuple[pa.DataType, ...]], ...] = (
    (kinds.is_boolean, (pa.bool_(),)),
    (kinds.is_uint64, (pa.uint64(),)),
    (kinds.is_integer, (pa.int64(),)),
    (kinds.is_float64, (pa.float64(),)),
    # By way of text: 0.1 in 32 bits is what people, and CSV, call 0.1.
    (kinds.is_floating, (pa.float32(), TEXT, pa.float64())),
    (lambda of: kinds.is_decimal(of) and of.scale > 0, (TEXT, pa.float64())),
    (lambda of: kinds.is_decimal(of) and of.scale == 0 and of.precision <= 18, (pa.int64(),)),
    # A zone in Arrow is only how to show a moment: what is stored is UTC.
    (kinds.is_timestamp, (pa.timestamp("us"),)),
    (kinds.is_date, (pa.timestamp("us"),)),
    (kinds.is_duration, (pa.duration("s"), pa.int64())),
)
DTYPES = {
    pa.bool_(): pd.BooleanDtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    TEXT: pd.StringDtype(na_value=np.nan),
}


def read_parquet(data: bytes, name: str) -> tuple[pd.DataFrame, pa.Table]:
    """Return the typed columns, and the table with everything that came.

    Raises:
        DataError: the file is broken, or a column holds what is no value; it is named.

    """
    with _broken(name):
        table = _with_range(pq.ParquetFile(pa.BufferReader(data)).read(), 0)
    return _frame(table, name, 0), table


def parquet_pieces(
    path: Path, name: str, rows: int
) -> Iterator[tuple[pd.DataFrame, pa.Table, float]]:
    """Yield what `read_parquet` returns, `rows` at a time, and which share of all is read then."""
    with _broken(name):
        file = pq.ParquetFile(path)
        first, total = 0, file.metadata.num_rows
        for batch in file.iter_batches(rows):
            table = _with_range(pa.Table.from_batches([batch], file.schema_arrow), first)
            first += table.num_rows
            yield _frame(table, name, first - table.num_rows), table, first / total


@contextmanager
def _broken(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: broken Parquet file: {error}") from None


def _frame(table: pa.Table, name: str, first: int) -> pd.DataFrame:
    """Return the typed columns; first: where the index begins."""
    columns = {}
    for place, field in enumerate(table.schema):
        if not INDEX.fullmatch(field.name):
            columns[place] = _typed(table.column(place), f"{name}: column '{field.name}'")
    frame = pd.DataFrame(columns, index=range(table.num_rows))
    frame = frame.set_axis([table.schema.names[place] for place in columns], axis=1)
    return frame.set_axis(range(first, first + table.num_rows))


def _with_range(table: pa.Table, first: int) -> pa.Table:
    """Return the table with an index that is but a range in pandas' notes as its first column.

    first: which row of the file the table begins with.
    """
    for index in (table.schema.pandas_metadata or {}).get("index_columns", []):
        if isinstance(index, dict) and index["name"] and index["name"] not in table.column_names:
            start = index["start"] + first * index["step"]
            numbers = (start + place * index["step"] for place in range(table.num_rows))
            table = table.add_column(0, str(index["name"]), pa.array(numbers, pa.int64()))
            return table.replace_schema_metadata(None)  # which would make an index of it again
    return table


def write_parquet(given: Any, added: Mapping[str, Any], path: Path) -> None:
    """Write a table, Arrow's or a frame of text, with columns of values added at its end."""
    if isinstance(given, pd.DataFrame):
        # Not by way of a dictionary: a header may say a name twice.
        texts = [pa.array(given.iloc[:, place]) for place in range(given.shape[1])]
        given = pa.Table.from_arrays(texts, names=list(given.columns))
    for name, values in added.items():
        given = given.append_column(name, pa.array(values))
    pq.write_table(given, path)


def join_parquet(parts: Sequence[Path], path: Path) -> None:
    """Write the rows of some files, all of the same columns, into one."""
    with pq.ParquetWriter(path, pq.read_schema(parts[0])) as whole:
        for part in parts:
            whole.write_table(pq.read_table(part))


def _typed(values: pa.ChunkedArray, where: str) -> pd.Series:
    """Return one column; `where` names it in errors."""
    if kinds.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    came = values.type
    if kinds.is_nested(came):
        way_out = "leave it out, or flatten it into columns of single values"
        raise DataError(f"{where} holds {came}, which is no single value: {way_out}")
    steps = next((steps for fits, steps in CASTS if fits(came)), (TEXT,))
    try:
        for step in steps:
            values = values.cast(step, safe=not kinds.is_temporal(step))
        if steps[-1] == TEXT:
            values.validate(full=True)
            values = pc.utf8_trim_whitespace(values)
            values = pc.if_else(pc.equal(values, ""), None, values)
        return values.to_pandas(types_mapper=DTYPES.get)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        what = "text that is not UTF-8" if steps == (TEXT,) else f"broken {came}"
        raise DataError(f"{where} holds {what}: {error}") from None
