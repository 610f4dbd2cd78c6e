"""Which columns may be about what nobody should be judged by? Asked of names, and of values.

In: a column's name, the values in it, and the words to know, which are the project's. Out: yes or
no.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class SensitiveWords:
    """What names and values tell: words, how words begin, groups of people, pairs of groups.

    All of them in lower case, and without accents.
    """

    words: frozenset[str]
    beginnings: tuple[str, ...]
    groups: frozenset[str]
    pairs: tuple[frozenset[str], ...]


def may_be_sensitive(
    name: str, values: Iterable[str], told: SensitiveWords, more: Iterable[str] = ()
) -> bool:
    """Tell if a column may be sensitive; values: its distinct ones as text; more: words to know.

    >>> told = SensitiveWords(frozenset({"sex"}), ("religi",), frozenset({"male"}), ())
    >>> may_be_sensitive("Religion", [], told), may_be_sensitive("essex", [], told)
    (True, False)
    """
    words = _words(name)
    known = told.words | {plain for word in more for plain in (_plain(word), *_words(word))}
    if known & {*words, "_".join(words)} or any(word.startswith(told.beginnings) for word in words):
        return True
    said = {_plain(value) for value in values}
    return len(said) == 2 and (not told.groups.isdisjoint(words) or said in told.pairs)


def _words(name: str) -> list[str]:
    """Return the words of a name: `maritalStatus`, `marital_status` and `Marital status` alike."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", _plain(apart))


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(c for c in letters if not unicodedata.combining(c)).strip().casefold()
