"""Write a large table in parts that survive a kill, and put them together at the end.

In: an output that is to be, and what it is made from. Out: a folder beside it, `.NAME.parts`, with
a file for each piece that is done; whoever starts again with the same input goes on from there.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, WrongUse
from .read import Table
from .write import as_parquet, write_table

MADE_FROM = "made-from"


@dataclass(frozen=True)
class Parts:
    """The parts of an output; each has its rows in one file, and what is known of them in another.

    made_from: what tells whether a try that was cut off had the same input.
    """

    output: Path
    folder: Path
    made_from: str

    def known(self, place: int) -> Any:
        """Return what was noted of a part, None if it is not done."""
        note = self._note(place)
        return json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None

    def write(self, place: int, table: Table, added: Mapping[str, Any], note: Any) -> None:
        """Write a part as `write_table` does, and a note of it (JSON values)."""
        with _said(self.output):
            self.folder.mkdir(exist_ok=True)
            _put(self.folder / MADE_FROM, self.made_from)
        way = ".parquet" if as_parquet(table, self.output) else ".csv"
        write_table(table, added, self.folder / f"{place:06}{way}", names=place == 0)
        _put(self._note(place), json.dumps(note))

    def _join(self) -> None:
        parts = sorted(p for p in self.folder.iterdir() if p.suffix in (".csv", ".parquet"))
        partial = self.output.with_name(f".{self.output.name}.partial")
        with _said(self.output, partial):
            if parts[0].suffix == ".parquet":
                from .parquet import join_parquet

                join_parquet(parts, partial)
            else:
                with partial.open("wb") as whole:
                    for part in parts:
                        with part.open("rb") as file:
                            shutil.copyfileobj(file, whole)
            partial.replace(self.output)

    def _note(self, place: int) -> Path:
        return self.folder / f"{place:06}.json"


@contextmanager
def parts_of(output: Path, made_from: str) -> Iterator[Parts]:
    """Enter with the parts that an earlier try left, if it was made from the same; leave with all.

    At the end they become the output, whole or not at all. After an error in the data they are of
    no use, and go; whatever else cuts a try off leaves them.

    Raises:
        WrongUse: the output cannot be written there.

    """
    if output.exists() and not output.is_file():
        raise WrongUse(f"{output} is no ordinary file")
    folder = output.with_name(f".{output.name}.parts")
    source = folder / MADE_FROM
    if not source.is_file() or source.read_text(encoding="utf-8") != made_from:
        shutil.rmtree(folder, ignore_errors=True)
    parts = Parts(output, folder, made_from)
    try:
        yield parts
        parts._join()
    except DataError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)


@contextmanager
def _said(output: Path, partial: Path | None = None) -> Iterator[None]:
    """Say of an output why it cannot be written; partial: a file that goes then."""
    try:
        yield
    except OSError as error:
        if partial:
            partial.unlink(missing_ok=True)
        raise WrongUse(f"cannot write {output}: {error.strerror}") from None


def _put(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    partial = path.with_name(f".{path.name}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
