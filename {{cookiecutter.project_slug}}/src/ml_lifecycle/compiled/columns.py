"""A fitted `ColumnTransformer` as one look-up or formula a column, without a frame.

In: the transformer, and the contract. Out: a function from the JSON values of a row to entries of
the model's matrix. Words are tabulated by asking the transformer for each that it knows, dates by
asking it for many moments; numbers are worked out step by step (numbers.py).
"""

import warnings
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from ..data.contract import NUMERIC, Contract
from .numbers import Output, by_column, numbers
from .parts import Encode, Entries, NotCompiled, Row

# Each makes of one column, and of no other, its part of the matrix.
COLUMNWISE = (SimpleImputer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder)
UNSEEN = "\0 a value that nobody ever saw"
EPOCH = datetime(1970, 1, 1)
KEYS: tuple[Callable[[datetime], int], ...] = (
    lambda moment: moment.month,
    lambda moment: moment.weekday(),
    lambda moment: moment.hour,
    lambda moment: moment.day,
)


def columns(transformer: Any, contract: Contract) -> Callable[[Row], Entries]:
    """Return what makes of a row its entries of the matrix; raise `NotCompiled`."""
    if type(transformer) is not ColumnTransformer:
        raise NotCompiled(f"the features are a {type(transformer).__name__}")
    kinds = {column.name: column.kind for column in contract.columns}
    found: list[tuple[str, Encode]] = []
    for name, block, names in transformer.transformers_:
        if isinstance(block, str) and block == "drop":
            continue
        start = transformer.output_indices_[name].start
        found += _block(block, names, kinds, start)

    def encode(row: Row) -> Entries:
        places: list[int] = []
        values: list[float] = []
        for name, of in found:
            place, value = of(row.get(name))
            places += place
            values += value
        return places, values

    return encode


def _block(block: Any, names: Any, kinds: dict[str, Any], start: int) -> list[tuple[str, Encode]]:
    if isinstance(names, str) and type(block) is TfidfVectorizer:
        return [(names, _text(block, start))]
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise NotCompiled("columns that are not chosen by a list of names")
    steps = [step for _, step in block.steps] if type(block) is Pipeline else [block]
    of = {kinds.get(name) for name in names}
    if of <= set(NUMERIC):
        outputs = numbers(steps, [Output.same(place) for place in range(len(names))])
        return by_column(outputs, names, start)
    if of == {"date"}:
        outputs = numbers(steps[1:], _dates(steps[0], names))
        return [(n, _at(encode)) for n, encode in by_column(outputs, names, start)]
    if of & {*NUMERIC, "date"} or not all(type(step) in COLUMNWISE for step in steps):
        raise NotCompiled(f"a way with columns that is not known: {type(steps[0]).__name__}")
    return _words(block, steps, names, start)


def _words(block: Any, steps: list[Any], names: list[str], start: int) -> list[tuple[str, Encode]]:
    """Tabulate: one column after the other takes each value, while the others are missing."""
    known = next((step.categories_ for step in steps if hasattr(step, "categories_")), None)
    if known is None:
        raise NotCompiled("words that are no categories")
    values = [[None, UNSEEN, *(v for v in one if isinstance(v, str))] for one in known]
    empty = pd.DataFrame(np.nan, index=[0], columns=names, dtype=object)
    found: list[tuple[str, Encode]] = []
    moved = np.zeros(0, dtype=bool)
    for name, column in zip(names, values, strict=True):
        asked = empty.loc[[0] * len(column)].reset_index(drop=True)
        asked[name] = pd.Series(column, dtype=object).fillna(np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unseen values
            said = block.transform(asked)
        said = np.asarray(said.toarray() if hasattr(said, "toarray") else said, dtype="float64")
        mine = ~((said == said[:1]) | (np.isnan(said) & np.isnan(said[:1]))).all(axis=0)
        moved = mine if not len(moved) else moved | mine
        found.append((name, _table(column, said, mine, start)))
        first = said[0]
    fixed = np.flatnonzero(~moved & (first != 0))
    constant = (fixed + start).tolist(), first[fixed].tolist()
    return [*found, (names[0], lambda _: constant)] if len(fixed) else found


def _table(values: list[Any], said: np.ndarray, mine: np.ndarray, start: int) -> Encode:
    table = {}
    for value, row in zip(values, said, strict=True):
        places = np.flatnonzero(mine & (row != 0))
        table[value] = (places + start).tolist(), row[places].tolist()
    table[""] = table[None]  # a value of blanks is none
    look, unseen = table.get, table[UNSEEN]
    return lambda value: look(value, unseen)


def _text(block: TfidfVectorizer, start: int) -> Encode:
    """Weigh the words of a text as `TfidfVectorizer` does (Salton and Buckley, 1988)."""
    if block.norm != "l2" or block.sublinear_tf or block.binary or not block.use_idf:
        raise NotCompiled("words that are weighed in another way")
    analyze, idf = block.build_analyzer(), block.idf_.tolist()
    place_of = {word: int(place) for word, place in block.vocabulary_.items()}

    def encode(value: str | None) -> Entries:
        counts = Counter(place_of[w] for w in analyze(value or "") if w in place_of)
        values = [count * idf[place] for place, count in counts.items()]
        length = sum(value * value for value in values) ** 0.5
        return [place + start for place in counts], [value / length for value in values]

    return encode


def _at(encode: Encode) -> Encode:
    """Return the encoder of a moment in ISO 8601; fractions of a second do not count."""

    def at(value: str | None) -> Any:
        return encode(value and datetime.fromisoformat(value).replace(microsecond=0))

    return at


def _dates(step: Any, names: list[str]) -> list[Output]:
    """Find out what a transformer makes of a moment: grows with time, or goes by a part of it."""
    seconds = np.random.default_rng(0).integers(-(2**31), 2**32, 4000)
    probes = pd.Series(np.append(seconds, 0).astype("datetime64[s]"))
    moments = [moment.to_pydatetime() for moment in probes]
    asked = pd.concat([probes, pd.Series([pd.NaT], dtype=probes.dtype)], ignore_index=True)
    outputs: dict[int, Output] = {}
    for source, name in enumerate(names):
        frame = pd.DataFrame(dict.fromkeys(names, asked.iloc[[-2] * len(asked)].to_numpy()))
        frame[name] = asked
        said = np.asarray(step.transform(frame), dtype="float64")
        for place in np.flatnonzero((said[:-1] != said[:1]).any(axis=0)):
            of = _part(moments, said[:-1, place])
            outputs[int(place)] = Output(source, of, np.nan, float(said[-1, place]))
    if sorted(outputs) != list(range(said.shape[1])):
        raise NotCompiled(f"what {type(step).__name__} makes of dates")
    return [outputs[place] for place in range(len(outputs))]


def _part(moments: list[datetime], said: np.ndarray) -> Callable[[datetime], float]:
    passed = np.array([(moment - EPOCH).total_seconds() for moment in moments])
    last = int(passed.argmax())
    zero = float(said[-1])
    slope = float((said[last] - zero) / passed[last])
    if np.allclose(zero + slope * passed, said, rtol=1e-12, atol=1e-9):
        return lambda moment: zero + slope * (moment - EPOCH).total_seconds()
    for key in KEYS:
        keys = [key(moment) for moment in moments]
        table = dict(zip(keys, said.tolist(), strict=True))
        if np.allclose([table[k] for k in keys], said, rtol=1e-12, atol=1e-12):
            return lambda moment, key=key, table=table: table[key(moment)]  # type: ignore[misc]
    raise NotCompiled("a part of a date that is not known")
