"""Numbers on their way through imputation and scaling, one formula a column of the matrix.

In: fitted transformers in their order. Out: what each makes of a value, and of a missing one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from sklearn.preprocessing._data import BOUNDS_THRESHOLD

from .parts import Encode, NotCompiled

Formula = Callable[[Any], float]


@dataclass(frozen=True)
class Output:
    """A column of the matrix. source: the column that it comes from; of: what it makes of a value.

    always: what it is whenever there is a value, where `of` is None; missing: what it is without.
    """

    source: int
    of: Formula | None
    always: float
    missing: float

    @classmethod
    def same(cls, source: int) -> "Output":
        """Return the column as it comes."""
        return cls(source, float, np.nan, np.nan)

    def then(self, step: Formula) -> "Output":
        """Return the column after one more step."""
        of, first = None, self.of
        if first is float:
            of = step
        elif first is not None:
            of = _chained(first, step)
        return Output(self.source, of, step(self.always), step(self.missing))


def _chained(first: Formula, step: Formula) -> Formula:
    return lambda value: step(first(value))


def numbers(steps: Sequence[Any], outputs: list[Output]) -> list[Output]:
    """Return the columns after all steps; raise `NotCompiled` for one that is not known."""
    for step in steps:
        kind = type(step)
        if kind is SimpleImputer:
            outputs = _imputed(step, outputs)
        elif kind is StandardScaler:
            outputs = [one.then(_scaled(step, place)) for place, one in enumerate(outputs)]
        elif kind is QuantileTransformer:
            outputs = [one.then(_quantile(step, place)) for place, one in enumerate(outputs)]
        elif step != "passthrough" and not (kind is FunctionTransformer and step.func is None):
            raise NotCompiled(f"numbers through a {kind.__name__}")
    return outputs


def _imputed(step: SimpleImputer, outputs: list[Output]) -> list[Output]:
    given = np.asarray(step.statistics_, dtype="float64")
    if np.isnan(given).any() or not np.isnan(step.missing_values):
        raise NotCompiled("a way of imputing numbers that is not known")
    filled = [
        Output(o.source, o.of, o.always, float(s) if np.isnan(o.missing) else o.missing)
        for o, s in zip(outputs, given, strict=True)
    ]
    if not step.add_indicator:
        return filled
    marks = [outputs[place] for place in step.indicator_.features_]
    return filled + [Output(o.source, None, 0.0, float(np.isnan(o.missing))) for o in marks]


def _scaled(step: StandardScaler, place: int) -> Formula:
    mean = float(step.mean_[place]) if step.with_mean else 0.0
    scale = float(step.scale_[place]) if step.with_std else 1.0
    return lambda value: (value - mean) / scale


def _quantile(step: QuantileTransformer, place: int) -> Formula:
    """Interpolate between quantiles from either side, as `QuantileTransformer` does."""
    known, at = step.quantiles_[:, place].tolist(), step.references_.tolist()
    low, high = known[0], known[-1]
    if step.output_distribution != "normal" or np.isnan(known).any():
        raise NotCompiled("a QuantileTransformer to another distribution")
    least = float(norm.ppf(BOUNDS_THRESHOLD - np.spacing(1)))
    most = float(norm.ppf(1 - (BOUNDS_THRESHOLD - np.spacing(1))))
    ppf = NormalDist().inv_cdf  # of what lies between the outermost references, 0 and 1

    def clip(value: float) -> float:
        return min(max(value, least), most)

    def of(value: float) -> float:
        if value != value:
            return value
        if value - BOUNDS_THRESHOLD < low:
            return least
        if value + BOUNDS_THRESHOLD > high:
            return most
        first, after = bisect_left(known, value), bisect_right(known, value)
        if first < after:  # stands in the table, perhaps more than once
            return clip(ppf((at[first] + at[after - 1]) / 2))
        left = first - 1
        share = (value - known[left]) / (known[first] - known[left])
        return clip(ppf(at[left] + share * (at[first] - at[left])))

    return of


def by_column(outputs: list[Output], names: Sequence[str], start: int) -> list[tuple[str, Encode]]:
    """Return the encoder of each column: what moves with its value first, then what does not."""
    found = []
    for source, name in enumerate(names):
        mine = [(start + place, o) for place, o in enumerate(outputs) if o.source == source]
        mine.sort(key=lambda pair: pair[1].of is None)
        if mine:
            found.append((name, _encoder(mine)))
    return found


def _encoder(mine: list[tuple[int, Output]]) -> Encode:
    places = [place for place, _ in mine]
    formulas = [o.of for _, o in mine if o.of is not None]
    fixed, missing = [o.always for _, o in mine if o.of is None], [o.missing for _, o in mine]
    if len(formulas) == 1:
        (single,) = formulas
        return lambda value: (places, missing if value is None else [single(value), *fixed])

    def encode(value: Any) -> tuple[list[int], list[float]]:
        if value is None:
            return places, missing
        return places, [*[formula(value) for formula in formulas], *fixed]

    return encode
