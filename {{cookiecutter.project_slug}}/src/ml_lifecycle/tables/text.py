"""From the bytes of a text file to a regular table of strings: encoding, separator, quotes.

In: bytes. Out: a frame of str in which nothing is lost or moved, or an error that names the place.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator

import pandas as pd
from charset_normalizer import CharsetMatch, from_bytes

from ..errors import DataError, WrongUse
from ..words import counted

PAGES = ["cp1252", "cp1254", "cp1250", "cp1251", "cp1253", "cp1255", "cp1256", "cp932", "gb18030"]
PAGES += ["big5", "euc_kr", "koi8_r"]
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
HIGH = re.compile(rb"[\x80-\xff]")
LOUD = re.compile(rb"[^\s,;\"]*[\x80-\xff][^\s,;\"]*")
ASCII = bytes(range(128))
SAMPLE = 20_000
SEPARATORS = ",;\t|"
SEP_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # what Excel writes for itself
ESCAPED = "\ue000"  # stands for a separator that is part of a value
csv.field_size_limit(2**30)


def decode(data: bytes, name: str, encoding: str = "") -> tuple[str, str]:
    """Return the text of `data` and the encoding: the given one, or the likeliest.

    Raises:
        WrongUse: there is no such encoding.
        DataError: a byte that is no text in it, with its line and offset.

    """
    chosen = encoding_of(data, encoding)
    try:
        text = data.decode(chosen)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{name}: line {line}, byte {error.start}: {data[error.start : error.start + 4]!r} is "
            f"no {chosen} text; mend the file, or name its `encoding` in project.toml"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(
            f"{name}: line {line} holds a NUL character: it is no text, and neither Parquet nor "
            "gzip; save it as CSV"
        )
    return text.removeprefix("\ufeff"), chosen


def encoding_of(data: bytes, given: str) -> str:
    """Return the given encoding, or the likeliest; raise `WrongUse` if there is no such one."""
    try:
        b" ".decode(given or "utf-8")
    except LookupError:
        raise WrongUse(f"[data] encoding: there is no text encoding {given!r}") from None
    return given or likeliest(data)


def likeliest(data: bytes) -> str:
    """Return the encoding of a mark, else UTF-8 if it fits, else the likeliest code page."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    head = data[:SAMPLE]
    if head.count(0) > len(head) / 10:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    first = HIGH.search(data)
    head = data[first.start() :][: 100 * SAMPLE] if first else b""
    loud = len(head.translate(None, ASCII))
    valid = len(head.decode("utf-8", errors="ignore").encode().translate(None, ASCII))
    if valid >= 0.9 * loud:
        return "utf-8"  # perhaps broken in some place, which decoding it names
    words = b"\n".join(dict.fromkeys(LOUD.findall(head)))[:SAMPLE]
    if len(set(words.translate(None, ASCII))) < 4:
        return PAGES[0]  # a sign or two tell nothing
    found = from_bytes(words, cp_isolation=PAGES, enable_fallback=False)
    return min(found, key=_oddness).encoding if found else PAGES[0]


def _oddness(match: CharsetMatch) -> tuple[bool, float, int]:
    """Order readings: few signs among the letters, little mess, a language; then the list."""
    loud = [letter.isalpha() for letter in str(match) if letter > "\x7f"]
    doubt = 0.08 if match.encoding == "cp1250" else 0.0  # it reads most of cp1252 as words too
    odd = match.chaos - match.coherence + doubt
    return sum(loud) < 0.9 * len(loud), odd, PAGES.index(match.encoding)


def text_table(text: str, name: str, header: bool) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of `text`, str throughout, under the names of its header, and notes.

    Raises:
        DataError: no reading makes a regular table; it names the line, and what is wrong there.

    """
    separator, _, above = dialect(text)
    plain, notes = text.split("\n", above)[-1], [f"separator {separator!r}"]
    found, errors = [], []
    for spelled in dict.fromkeys(_spellings(plain, separator)):
        try:
            found.append((spelled, *_read(spelled, separator, header, above)))
        except DataError as error:
            errors.append(error)
    if not found:
        raise DataError(f"{name}: {errors[0]}")
    # Rather one whose header is whole, about which there is no note, and without a stray quote.
    read, frame, unnamed = min(found, key=lambda one: (len(one[2]), _stray(one[0], separator)))
    if read != plain:
        notes.append("quotes and backslashes are read as their writer meant them")
    if ESCAPED in read:
        frame = frame.apply(lambda column: column.str.replace(ESCAPED, separator))
    return frame, notes + unnamed


def dialect(text: str) -> tuple[str, bool, int]:
    """Return the separator, whether blanks before a value are none of it, and lines before it all.

    (Where quotes stand behind a blank, they aren't.)
    """
    said = SEP_LINE.match(text)
    separator = said[1] if said else _separator(text)
    apart = re.search(rf'(?m)(^|{re.escape(separator)}) +"', text) is not None
    return separator, apart, 1 if said else 0


def _spellings(text: str, separator: str) -> Iterator[str]:
    """Yield the text with quotes as CSV has them (RFC 4180), and as other writers mean them."""
    yield text
    mark = re.escape(separator)
    yield re.sub(rf'"[ \t]+(?=[{mark}\r\n]|$)', '"', text)
    if "\\" in text:
        field = rf'(?m)(^|{mark})( *)"((?:[^"\\]|\\.|"")*)"(?= *(?:{mark}|\r?$))'
        yield (quoted := re.sub(f"(?s){field}", _in_csv, text))
        yield quoted.replace(f"\\{separator}", ESCAPED)


def _stray(text: str, separator: str) -> bool:
    """Tell whether a quote stands in a field that is not quoted."""
    mark = re.escape(separator)
    return '"' in re.sub(rf'(?m)(^|{mark}) *"(?:[^"]|"")*"(?= *(?:{mark}|\r?$))', "", text)


def _in_csv(field: re.Match[str]) -> str:
    inside = re.sub(r'\\(["\\])', lambda sign: sign[1].replace('"', '""'), field[3])
    return f'{field[1]}{field[2]}"{inside}"'


def _read(text: str, separator: str, header: bool, above: int) -> tuple[pd.DataFrame, list[str]]:
    """Return a regular table and a note if its header is short of a name; above: lines before it.

    Raises:
        DataError: at the first line that is not as the others.

    """
    # Where quotes stand behind a blank, blanks before a value are none of it.
    apart = re.search(rf'(?m)(^|{re.escape(separator)}) +"', text) is not None
    records = records_of(io.StringIO(text, newline=""), separator, apart, above)
    _, first = next(records, (0, []))
    if not first:
        raise DataError("the file is empty")
    width, rows = len(first), 1 - header
    for line, row in records:
        one_more, one_less = len(row) == width + 1, len(row) == width - 1
        if not rows and (one_more or (one_less and not first[-1].strip())):
            width = len(row)  # the first column has no name, or rows end with a separator
        rows += 1
        if len(row) != width:
            raise DataError(ragged(row, width, line, rows, separator))
    frame = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        skipinitialspace=apart,
        header=None,
        names=range(max(width, len(first))),
        index_col=False,
        dtype=str,
        na_filter=False,
    )
    frame = frame.iloc[int(header) :, :width].reset_index(drop=True)
    if len(frame) != rows:
        raise DataError(f"{rows} rows by one count, {len(frame)} by another; check quotes")
    return _named(frame, first) if header else (frame, [])


def _named(rows: pd.DataFrame, header: list[str]) -> tuple[pd.DataFrame, list[str]]:
    width = rows.shape[1]
    if len(header) >= width:
        return rows.set_axis(header[:width], axis=1), []
    if (rows[width - 1].str.strip() == "").all():
        note = "the separator at the end of each row is left out"
        return rows.iloc[:, :-1].set_axis(header, axis=1), [note]
    if rows[0].is_unique:
        note = "the first column has no name in the header"
        return rows.set_axis(["", *header], axis=1), [note]
    raise DataError(
        f"the header has {len(header)} names and each row {width} fields; which column has none "
        "cannot be told: complete the header"
    )


def records_of(
    lines: Iterable[str], separator: str, apart: bool, above: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line that it begins in.

    Raises:
        DataError: at a quote that stands where it must not.

    """
    line = above + 1
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=apart, strict=True)
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield line, row
            line = above + reader.line_num + 1
    except csv.Error as error:
        way_out = "write it twice there, or see whether the quote before it was meant to be open"
        what = f"a quote inside a value; {way_out}"
        if "unexpected end" in str(error):
            what = "a quote is opened there and never closed"
        raise DataError(f"line {line}: {what}") from None


def ragged(row: list[str], width: int, line: int, place: int, separator: str) -> str:
    """Say of a row, the `place`-th, that it has not `width` fields, and why that may be."""
    said = f"line {line}: row {place} has {counted(len(row), 'field')}, not {width}"
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
