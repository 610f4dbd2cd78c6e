"""Read a table piece by piece, so that it may be larger than memory.

In: a path or URL. Out: pieces of so many rows, in their order. A small text is read in one go, as
`read.py` does, and only cut; of a large one the first `WHOLE` bytes decide on encoding, separator
and names, and the rest is read as it comes.
"""

import gzip
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataError, WrongUse
from .read import Table, named, opened, parse, read_table
from .text import dialect, encoding_of, ragged, records_of

WHOLE = 2**24  # bytes of a text that are read in one go


@dataclass(frozen=True)
class Piece:
    """Rows of a table that follow each other; their index goes on from piece to piece.

    share: of the source that is read when this is, 0 to 1.
    """

    table: Table
    share: float


@contextmanager
def local(source: str, root: Path) -> Iterator[Path]:
    """Enter with where a table lies, or with a copy if it comes only once: by a URL or a pipe.

    Raises:
        WrongUse: no such file.
        WorldBroken: the URL did not answer.

    """
    with tempfile.NamedTemporaryFile() as copy:
        with opened(source, root) as file:
            lies = "://" not in source and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            if not lies:
                shutil.copyfileobj(file, copy)
        copy.flush()
        yield Path(file.name if lies else copy.name)


def pieces(
    path: Path, name: str, rows: int, header: bool = True, encoding: str = ""
) -> Iterator[Piece]:
    """Yield the rows of a table, `rows` at a time; name: that of the table in errors.

    Raises:
        DataError: the bytes are no table.

    """
    with path.open("rb") as file:
        mark = file.read(4)
    packed = mark[:2] == b"\x1f\x8b"
    if mark == b"PAR1":
        try:
            from .parquet import parquet_pieces
        except ImportError:  # the service's own environment, which reads no tables
            raise WrongUse(f"{name}: Parquet needs the extra `train` of this project") from None
        for frame, given, share in parquet_pieces(path, name, rows):
            columns, _ = named(frame.columns)
            yield Piece(Table(name, frame.set_axis(columns, axis=1), "", (), given), share)
    elif packed or path.stat().st_size > WHOLE:
        yield from _streamed(path, packed, name, rows, header, encoding)
    else:
        table = read_table(str(path), path.parent, header, encoding, name)
        for first in range(0, len(table.frame), rows):
            frame, given = (part.iloc[first : first + rows] for part in (table.frame, table.given))
            share = min(1.0, (first + rows) / len(table.frame))
            yield Piece(replace(table, frame=frame, given=given), share)


def _streamed(
    path: Path, packed: bool, name: str, rows: int, header: bool, encoding: str
) -> Iterator[Piece]:
    """Yield the rows of a large text; what its beginning is, the rest has to be too."""
    with path.open("rb") as raw:
        unpacked: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        try:
            head = unpacked.read(WHOLE)
            chosen = encoding_of(head, encoding)
            text = head.decode(chosen, errors="ignore").removeprefix("\ufeff")
            # The last record may be cut off.
            text = text[: text.rindex("\n") + 1] if len(head) == WHOLE and "\n" in text else text
            columns = parse(text.encode(), name, header, "utf-8").frame.columns
            unpacked.seek(0)
            # "utf-8-sig" reads what has no mark as well.
            known = "utf-8-sig" if chosen == "utf-8" else chosen
            lines = TextIOWrapper(unpacked, known, newline="")
            for table in _tables(lines, text, columns, name, rows, header):
                yield Piece(table, min(1.0, raw.tell() / path.stat().st_size))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{name}: broken gzip file: {error}") from None
        except UnicodeDecodeError as error:
            found = error.object[error.start : error.start + 4]
            raise DataError(
                f"{name}: {found!r} is no {chosen} text, as the beginning is; mend the file, or "
                "name its `encoding` in project.toml"
            ) from None


def _tables(
    lines: TextIOWrapper, head: str, columns: pd.Index, name: str, rows: int, header: bool
) -> Iterator[Table]:
    separator, apart, above = dialect(head)
    for _ in range(above):
        next(lines)
    records, place = records_of(lines, separator, apart, above), 0
    if header:
        next(records)
    while True:
        try:
            chunk = list(islice(records, rows))
            for number, (line, row) in enumerate(chunk, place + 1):
                if len(row) != len(columns):
                    raise DataError(ragged(row, len(columns), line, number, separator))
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
        if not chunk:
            return
        index = range(place, place + len(chunk))
        given = pd.DataFrame([row for _, row in chunk], index, columns, dtype=str)
        frame = given.apply(lambda column: column.str.strip()).replace("", np.nan)
        place += len(chunk)
        yield Table(name, frame, "", (), given)
