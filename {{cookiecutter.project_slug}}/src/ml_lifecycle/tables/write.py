"""Write a scored table: what came in, to the last sign, with the answers beside it.

In: a table as it was read, and columns to add. Out: CSV or Parquet.
"""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import WrongUse
from .read import Table


def as_parquet(table: Table, output: Path) -> bool:
    """Tell how a table is written: as the name of `output` says, else as it came."""
    return output.suffix in (".parquet", ".pq") or (table.typed and output.suffix != ".csv")


def write_table(table: Table, added: Mapping[str, Any], output: Path, names: bool = True) -> None:
    """Write a table as it came, with columns of values added at its end; whole or not at all.

    Parquet from Parquet and CSV from CSV, or as the name of `output` says. names: with a line of
    names, in CSV.

    Raises:
        WrongUse: it cannot be written there.

    """
    if output.exists() and not output.is_file():
        raise WrongUse(f"{output} is no ordinary file")
    partial = output.with_name(f".{output.name}.partial")
    try:
        if as_parquet(table, output):
            from .parquet import write_parquet

            write_parquet(table.given, _free(added, table), partial)
        else:
            _write_csv(table, _free(added, table), partial, names)
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WrongUse(f"cannot write {output}: {error.strerror}") from None


def _free(added: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Return the columns to add under names that the table does not have: `prediction 2`."""
    taken, free = set(table.frame.columns), {}
    for name, values in added.items():
        ways = (name if number == 1 else f"{name} {number}" for number in count(1))
        free[next(way for way in ways if way not in taken)] = values
    return free


def _write_csv(table: Table, added: Mapping[str, Any], path: Path, names: bool) -> None:
    given = table.given
    if table.typed:  # whole numbers stay whole beside a null
        given = given.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    answers = pd.DataFrame(added, index=given.index)
    pd.concat([given, answers], axis=1).to_csv(path, index=False, header=names)
