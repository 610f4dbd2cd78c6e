"""Read the table, whatever its encoding, separator or wrapping.

In: a path or URL. Out: a `Table`: of text where it came as text, of types where it came as Parquet.
What a value means, and which words mean that there is none, is decided by the contract.
"""

import gzip
import hashlib
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from ..errors import DataError, WorldBroken, WrongUse
from .text import decode, text_table

GUESSED = ", likeliest by its letters; `encoding` in project.toml overrules it"


@dataclass(frozen=True)
class Table:
    """Rows, with where they came from.

    frame: (rows, columns) of str or NaN, or typed; names and values without blanks around them.
    given: the same as it came, a frame of text or a table of Arrow. notes: what reading decided,
    one sentence each.
    """

    name: str
    frame: pd.DataFrame
    sha256: str
    notes: tuple[str, ...]
    given: Any

    @property
    def typed(self) -> bool:
        """Whether the table came with types, and so with real nulls."""
        return not isinstance(self.given, pd.DataFrame)


def read_table(
    source: str, root: Path, header: bool = True, encoding: str = "", name: str = ""
) -> Table:
    """Read a table; source: a URL, or a path that is absolute or relative to `root`.

    name: what it is called in errors, instead of `source`.

    Raises:
        WrongUse: no such file.
        WorldBroken: the URL did not answer.
        DataError: the bytes are no table.

    """
    return parse(fetch(source, root), name or source, header, encoding)


def fetch(source: str, root: Path) -> bytes:
    """Return the bytes behind a URL, or behind a path that is absolute or relative to `root`."""
    with opened(source, root) as file:
        return file.read()


@contextmanager
def opened(source: str, root: Path) -> Iterator[BinaryIO]:
    """Enter with the bytes of `fetch`, to be read once: a pipe has them no second time."""
    if "://" in source:
        try:
            with urllib.request.urlopen(source, timeout=60) as answer:
                yield answer
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            raise WorldBroken(f"cannot read {source}: {error}") from None
        return
    try:
        path = root / Path(source).expanduser()
        with path.open("rb") as file:
            yield file
    except IsADirectoryError:
        raise WrongUse(f"{path} is a folder, not a table") from None
    except OSError as error:
        where = f" (a link to {path.readlink()})" if os.path.islink(path) else ""
        raise WrongUse(
            f"cannot read {path}{where}: {error.strerror}. Put the table there, "
            "or change `source` under [data] in project.toml"
        ) from None
    except (RuntimeError, ValueError) as error:
        raise WrongUse(f"[data] source: {source[:80]!r} is no path: {error}") from None


def parse(data: bytes, name: str, header: bool = True, encoding: str = "") -> Table:
    """Turn bytes (CSV, gzipped CSV or Parquet) into a `Table`; encoding: empty = found out."""
    digest = hashlib.sha256(data).hexdigest()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: broken gzip file: {error}") from None
    given: Any
    if data[:4] == b"PAR1":
        try:
            from .parquet import read_parquet
        except ImportError:  # the service's own environment, which reads no tables
            raise WrongUse(f"{name}: Parquet needs the extra `train` of this project") from None
        frame, given = read_parquet(data, name)
        notes = ["Parquet"]
    else:
        text, chosen = decode(data, name, encoding)
        given, notes = text_table(text, name, header)
        frame = given.apply(lambda column: column.str.strip()).replace("", np.nan)
        sure = encoding or chosen.startswith("utf")
        notes.insert(0, f"read as {chosen}{'' if sure else GUESSED}")
    if frame.empty:
        raise DataError(f"{name}: the table has no rows")
    names, renamed = named(frame.columns)
    if isinstance(given, pd.DataFrame) and not header:
        given = given.set_axis(names, axis=1)
    return Table(name, frame.set_axis(names, axis=1), digest, (*notes, *renamed), given)


def named(given: pd.Index) -> tuple[list[str], list[str]]:
    """Strip names, name the nameless and number the doubled; return a note for each new name."""
    names: list[str] = []
    notes: list[str] = []
    for position, old in enumerate(given, start=1):
        name = " ".join(line.strip() for line in str(old).splitlines()).strip()
        if isinstance(old, int) or not name or name.startswith("Unnamed: "):
            name = f"column_{position}"
        if name in names:
            name = next(n for i in count(2) if (n := f"{name}_{i}") not in names)
        if name != str(old).strip():
            notes.append(f"column {position} is called '{name}'")
        names.append(name)
    return names, notes
