"""From the bytes of a text file to its text, whatever its encoding.

In: bytes. Out: text, or an error that names the place.
"""

import codecs
import re

from charset_normalizer import CharsetMatch, from_bytes

from ..errors import CheckFailed, WrongUse

LATIN = ["cp1252", "cp1254", "cp1250"]
OTHERS = ["cp1251", "cp1253", "cp1255", "cp1256", "cp932", "gb18030", "big5", "euc_kr", "koi8_r"]
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
HIGH = re.compile(rb"[\x80-\xff]")
LOUD = re.compile(rb"[^\s,;\"]*[\x80-\xff][^\s,;\"]*")
ASCII = bytes(range(128))
SAMPLE = 20_000


class DataError(CheckFailed):
    """The table breaks a rule; the message names file, column, row and value."""


def decode(data: bytes, name: str, encoding: str = "") -> tuple[str, str]:
    """Return the text of `data` and the encoding: the given one, or the likeliest.

    Raises:
        WrongUse: there is no such encoding.
        DataError: a byte that is no text in it, with its line and offset.

    """
    chosen = encoding or _encoding(data)
    try:
        text = data.decode(chosen)
    except LookupError:
        raise WrongUse(f"[data] encoding: there is no text encoding {encoding!r}") from None
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


def _encoding(data: bytes) -> str:
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
    high = words.translate(None, ASCII)
    if len(set(high)) < 4:
        return LATIN[0]  # a sign or two tell nothing
    pages = OTHERS if 2 * len(high) > len(words) else LATIN
    found = from_bytes(words, cp_isolation=pages, enable_fallback=False)
    return min(found, key=_oddness).encoding if found else LATIN[0]


def _oddness(match: CharsetMatch) -> tuple[bool, float, int]:
    """Order readings: few signs among the letters, little mess, a language; then the list."""
    loud = [letter.isalpha() for letter in str(match) if letter > "\x7f"]
    place = (LATIN + OTHERS).index(match.encoding)
    doubt = 0.08 if match.encoding == "cp1250" else 0.0  # it reads most of cp1252 as words too
    return sum(loud) < 0.9 * len(loud), match.chaos - match.coherence + doubt, place
