"""From text to a regular table of strings: separator, quotes, escapes, header.

In: text. Out: a frame of str in which nothing is lost or shifted, or an error that names the line.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from .text import DataError

SEPARATORS = ",;\t|"
SEP_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # what Excel writes for itself
ESCAPED = "\ue000"  # stands for a separator that is part of a value
csv.field_size_limit(2**30)


@dataclass(frozen=True)
class Shape:
    """A text that is a regular table.

    first: the first row. width: fields of each other row; rows: how many there are, with the first.
    blank_end: the last field of the others is always empty; own_start: the first never comes twice.
    """

    text: str
    first: list[str]
    width: int
    rows: int
    blank_end: bool
    own_start: bool


def text_table(text: str, name: str, header: bool) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of `text`, str throughout, under the names of its header, and notes."""
    said = SEP_LINE.match(text)
    separator = said[1] if said else _separator(text)
    notes, text = [f"separator {separator!r}"], text[said.end() :] if said else text
    shape = _shape(text, separator, name, header, 1 if said else 0)
    if shape.text != text:
        notes.append("quotes and backslashes are read as their writer meant them")
    frame = pd.read_csv(
        io.StringIO(shape.text),
        sep=separator,
        skipinitialspace=_apart(shape.text, separator),
        header=None,
        names=range(max(shape.width, len(shape.first))),
        index_col=False,
        dtype=str,
        na_filter=False,
    )
    if len(frame) != shape.rows:
        both = f"{shape.rows} rows by one count, {len(frame)} by another"
        raise DataError(f"{name}: {both}; check quotes")
    if ESCAPED in shape.text:
        frame = frame.apply(lambda column: column.str.replace(ESCAPED, separator))
    if not header:
        return frame, notes
    names = shape.first[: shape.width]
    if len(names) < shape.width and shape.blank_end:
        notes.append("the separator at the end of each row is left out")
    elif len(names) < shape.width:
        names.insert(0, "")
        notes.append("the first column has no name in the header")
    frame = frame.iloc[1:, : len(names)]
    return frame.set_axis(names, axis=1).reset_index(drop=True), notes


def _shape(text: str, separator: str, name: str, header: bool, above: int) -> Shape:
    """Return the reading of `text` that makes a regular table; above: lines before it.

    Raises:
        DataError: neither does; it names the line, and what is wrong there as it is.

    """
    found, errors = [], []
    for reading in dict.fromkeys(_readings(text, separator)):
        try:
            found.append(_measure(reading, separator, name, header, above))
        except DataError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    whole = [shape for shape in found if len(shape.first) >= shape.width] or found
    if whole[0].text == text and len(whole) > 1 and _by_backslash(text, separator):
        return whole[1]
    shape = whole[0]
    if len(shape.first) < shape.width and not (shape.blank_end or shape.own_start):
        raise DataError(
            f"{name}: the header has {len(shape.first)} names and each row {shape.width} fields; "
            "which column has none cannot be told: complete the header"
        )
    return shape


def _readings(text: str, separator: str) -> Iterator[str]:
    """Yield the text with quotes as CSV has them (RFC 4180), and as other writers mean them."""
    yield text
    mark = re.escape(separator)
    yield re.sub(rf'"[ \t]+(?=[{mark}\r\n]|$)', '"', text)
    if "\\" in text:
        field = rf'(?m)(^|{mark})( *)"((?:[^"\\]|\\.|"")*)"(?= *(?:{mark}|\r?$))'
        quoted = re.sub(f"(?s){field}", _in_csv, text)
        yield quoted
        yield quoted.replace(f"\\{separator}", ESCAPED)


def _in_csv(field: re.Match[str]) -> str:
    inside = re.sub(r'\\(["\\])', lambda sign: sign[1].replace('"', '""'), field[3])
    return f'{field[1]}{field[2]}"{inside}"'


def _by_backslash(text: str, separator: str) -> bool:
    """Tell if every quote inside a value has a backslash before it: CSV would double it instead."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    quotes = [value for row in rows for value in row if '"' in value]
    return bool(quotes) and all(re.fullmatch(r'(?s)([^"\\]|\\.)*', value) for value in quotes)


def _measure(text: str, separator: str, name: str, header: bool, above: int) -> Shape:
    """Return the shape of a regular table; raise `DataError` at the first line that is not."""
    records = _records(text, separator, name, above)
    _, first = next(records, (0, []))
    if not first:
        raise DataError(f"{name}: the file is empty")
    width, rows, blank, starts = len(first), 1, True, set()
    for line, row in records:
        if rows == 1 and header:
            width = _agreed(first, len(row))
        if len(row) != width:
            raise DataError(f"{name}: {_ragged(row, width, line, rows + 1 - header, separator)}")
        rows += 1
        blank = blank and not row[-1].strip()
        starts.add(row[0])
    return Shape(text, first, width, rows, blank, len(starts) == rows - 1)


def _records(text: str, separator: str, name: str, above: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line that it begins in."""
    lines = io.StringIO(text, newline="")
    apart = _apart(text, separator)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=apart, strict=True)
    while True:
        line = reader.line_num + 1 + above
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{name}: {_quoting(line, str(error))}") from None
        if len(row) > 1 or (row and row[0].strip()):
            yield line, row


def _apart(text: str, separator: str) -> bool:
    """Tell if quotes stand behind a blank: then blanks before a value are none of it."""
    return re.search(rf'(?m)(^|{re.escape(separator)}) +"', text) is not None


def _agreed(first: list[str], width: int) -> int:
    """Return how many fields rows have under a header: as many, or one more at either end."""
    more = width == len(first) + 1
    fewer = width == len(first) - 1 and not first[-1].strip()
    return width if more or fewer else len(first)


def _quoting(line: int, error: str) -> str:
    if "unexpected end" in error:
        return f"line {line}: a quote is opened there and never closed"
    return (
        f"line {line}: a quote inside a value; write it twice there, or see whether the quote "
        "before it was meant to be open"
    )


def _ragged(row: list[str], width: int, line: int, place: int, separator: str) -> str:
    fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
    said = f"line {line}: row {place} has {fields}, not {width}"
    text = separator.join(row)
    others = [other for other in SEPARATORS if text.count(other) == width - 1]
    return f"{said}; its separator seems to be {others[0]!r}" if others and width > 1 else said


def _separator(text: str) -> str:
    """Return the separator that cuts the first lines into the most, equally many, fields."""
    lines = text[:100_000].splitlines()[:50]

    def fields(separator: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        usual = max(set(counts), key=counts.count) if counts else 0
        return (counts.count(usual) if usual > 1 else 0, usual)

    return max(SEPARATORS, key=fields)
