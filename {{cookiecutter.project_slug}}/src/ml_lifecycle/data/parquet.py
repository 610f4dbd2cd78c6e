"""Parquet read as what it is: typed columns, in which only a null is missing; and written back.

In: bytes. Out: the table as it came, and a frame of str, int64, Int64, UInt64, float64, boolean and
datetime64 (UTC where it has a zone). An index that pandas left there is a matter of pandas.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as kinds

from .text import DataError

INDEX = re.compile(r"__index_level_\d+__")
SIGNED = {kinds.is_uint64: pd.UInt64Dtype(), kinds.is_integer: pd.Int64Dtype()}


def read_parquet(data: bytes, name: str) -> tuple[pd.DataFrame, pa.Table]:
    """Return the typed columns, and the table with everything that came.

    Raises:
        DataError: the file is broken, or a column holds what is no value; it is named.

    """
    try:
        table = _with_range(pq.ParquetFile(pa.BufferReader(data)).read())
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: broken Parquet file: {error}") from None
    columns = {}
    for place, field in enumerate(table.schema):
        if not INDEX.fullmatch(field.name):
            columns[place] = _typed(table.column(place), f"{name}: column '{field.name}'")
    frame = pd.DataFrame(columns, index=range(table.num_rows))
    return frame.set_axis([table.schema.names[place] for place in columns], axis=1), table


def _with_range(table: pa.Table) -> pa.Table:
    """Return the table with an index that is but a range in pandas' notes as its first column."""
    for index in (table.schema.pandas_metadata or {}).get("index_columns", []):
        if isinstance(index, dict) and index["name"] and index["name"] not in table.column_names:
            numbers = pa.array(range(index["start"], index["stop"], index["step"]), pa.int64())
            table = table.add_column(0, str(index["name"]), numbers)
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


def _typed(values: pa.ChunkedArray, where: str) -> pd.Series:
    """Return one column; `where` names it in errors."""
    if kinds.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    for fits, change in READERS.items():
        if fits(values.type):
            try:
                return change(values)
            except (pa.ArrowException, UnicodeDecodeError) as error:
                what = "text that is not UTF-8" if change is _text else f"broken {values.type}"
                raise DataError(f"{where} holds {what}: {error}") from None
    way_out = "leave it out, or flatten it into columns of single values"
    raise DataError(f"{where} holds {values.type}, which is no single value: {way_out}")


def _integers(values: pa.ChunkedArray) -> pd.Series:
    whole = next(dtype for fits, dtype in SIGNED.items() if fits(values.type))
    if not values.null_count and not kinds.is_uint64(values.type):
        return pd.Series(values.cast(pa.int64()).to_numpy())
    return values.to_pandas(types_mapper=lambda _: whole).astype(whole)


def _floats(values: pa.ChunkedArray) -> pd.Series:
    if not kinds.is_float64(values.type):
        # By way of text: 0.1 in 32 bits is what people, and CSV, call 0.1.
        values = values.cast(pa.float32()).cast(pa.string())
    return pd.Series(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _decimals(values: pa.ChunkedArray) -> pd.Series:
    if values.type.scale == 0 and values.type.precision <= 18:
        return _integers(values.cast(pa.int64()))
    if values.type.scale <= 0:
        return _text(values)  # more digits than a number of 64 bits holds
    return pd.Series(values.cast(pa.string()).cast(pa.float64()).to_numpy(zero_copy_only=False))


def _moments(values: pa.ChunkedArray) -> pd.Series:
    # A zone in Arrow is only how to show it: what is stored is UTC.
    moments = values.cast(pa.timestamp("us"), safe=False)
    return pd.Series(moments.to_numpy(zero_copy_only=False))


def _text(values: pa.ChunkedArray) -> pd.Series:
    text = values.cast(pa.string())
    text.validate(full=True)
    trimmed = pd.Series(pc.utf8_trim_whitespace(text).to_pandas(), dtype="str")
    return trimmed.where(trimmed != "")


READERS: dict[Callable[[pa.DataType], bool], Callable[[pa.ChunkedArray], pd.Series]] = {
    kinds.is_boolean: lambda values: values.to_pandas(types_mapper=lambda _: pd.BooleanDtype()),
    kinds.is_integer: _integers,
    kinds.is_floating: _floats,
    kinds.is_decimal: _decimals,
    kinds.is_timestamp: _moments,
    kinds.is_date: _moments,
    kinds.is_duration: lambda values: _integers(
        values.cast(pa.duration("s"), safe=False).cast(pa.int64())
    ),
    **dict.fromkeys((kinds.is_string, kinds.is_large_string, kinds.is_string_view), _text),
    **dict.fromkeys((kinds.is_time, kinds.is_null), _text),
    **dict.fromkeys((kinds.is_binary, kinds.is_large_binary), _text),
}
