"""What a column did, in its own unit: "median 12 → 730", "'basic': 40 % → 52 %".

In: profiles of before and after. Out: words for reports and verdicts.
"""

from dataclasses import dataclass

import numpy as np

from ..data.contract import NUMERIC, Column
from ..data.profile import Counts, Profile

# What pipes do to a unit: decimal shifts, seconds, minutes, hours, months, dozens.
WHOLE = (10.0, 100.0, 1000.0, 60.0, 3600.0, 24.0, 12.0)
UNITS = (*WHOLE, 2.54, 2.2046, 1.6093)  # inch, pound, mile; whole numbers do not survive these
ALIKE, NEAR = 0.2, 0.07  # how far, in logarithms, the two factors and the unit may be apart
# Standard errors, of a median in quartile ranges and of that range in itself, times √rows (normal).
MEDIAN, SPREAD, TWICE = 0.93, 1.17, 2
DAY = 86_400
SHOWN = 10  # categories of a picture
MEASURED = {"value": "", "length": "letters, ", "familiar": "known words, ", "distance": "days, "}


def change(column: Column, before: Profile, after: Profile, about: str) -> str:
    """Return how a column changed; about: what moved of it, as in `drift.Found`."""
    if about == "missing":
        gone = (part.missing / max(part.rows, 1) for part in (before, after))
        return "missing {:.1%} → {:.1%}".format(*gone)
    said = [
        _numbers(MEASURED[name] if column.kind not in NUMERIC else "", name, old, new, about)
        if old.median is not None
        else _shares(old, new)
        for name, old in before.counts.items()
        if (new := after.counts.get(name)) is not None
    ]
    return "; ".join(one for one in said if one)


def _numbers(what: str, name: str, old: Counts, new: Counts, about: str) -> str:
    if new.median is None or old.median is None:
        return "no value came"
    scale = DAY if name == "distance" else 1.0
    values = (old.iqr, new.iqr) if about == "spread" else (old.median, new.median)
    words = "middle half" if about == "spread" else "median"
    first, second = (f"{(value or 0.0) / scale:,.4g}" for value in values)
    if about == "shape" and first == second:
        return f"{what}{_bin(old, new)}"
    return f"{what}{words} {first} → {second}"


def _bin(old: Counts, new: Counts) -> str:
    """Name the range whose share changed the most."""
    place, first, second = _most(old, new)
    edges = [f"{edge:,.4g}" for edge in old.cells]
    low = f"above {edges[place - 1]}" if place else ""
    high = f"up to {edges[place]}" if place < len(edges) else ""
    return f"{' and '.join(filter(None, [low, high])) or 'all'}: {first:.0%} → {second:.0%}"


def _shares(old: Counts, new: Counts) -> str:
    """Name the category whose share changed the most."""
    place, first, second = _most(old, new)
    name = f"'{str(old.cells[place])[:40]}'" if place < len(old.cells) else "all others"
    return f"{name}: {first:.0%} → {second:.0%}"


def _of_all(part: Counts) -> np.ndarray:
    return np.array(part.rows) / max(sum(part.rows), 1)


def _most(old: Counts, new: Counts) -> tuple[int, float, float]:
    first, second = _of_all(old), _of_all(new)
    place = int(np.abs(second - first).argmax())
    return place, float(first[place]), float(second[place])


def unit_factor(column: Column, before: Profile, after: Profile) -> float:
    """Return by what factor median and spread grew, if it is one between units; else 0."""
    counts = [part.counts["value"] for part in (before, after)]
    old, new = (np.array([part.median, part.iqr], dtype="float64") for part in counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.log(np.divide(new, old))  # not finite for a zero or another sign: no unit
    if not np.isfinite(grown).all():
        return 0.0
    units = np.log(WHOLE if column.kind == "integer" else UNITS)
    nearest = units[np.abs(abs(grown.mean()) - units).argmin()]
    near, alike = 3 * NEAR, 3 * ALIKE
    if nearest < np.log(9):
        # Ten times is no drift of the world, however roughly a short window tells it; but a season
        # may well bring half as much again: what is called inches has to be inches.
        rows = np.sqrt(sum(1 / max(sum(part.rows), 1) for part in counts))
        near = min(NEAR, TWICE * MEDIAN * abs(old[1] / old[0]) * rows)
        alike = min(ALIKE, TWICE * SPREAD * rows)
    found = abs(abs(grown.mean()) - nearest) < near and np.ptp(grown) <= alike
    return float(np.exp(grown.mean())) if found else 0.0


@dataclass(frozen=True)
class Histogram:
    """Shares of the present values by cell, of the test rows and of the window."""

    cells: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()


def histogram(before: Profile, after: Profile) -> Histogram:
    """Return what a picture of a column shows: its bins, or its commonest categories."""
    for name, old in before.counts.items():
        if name not in after.counts:
            continue
        scale = DAY if name == "distance" else 1.0
        labels = [edge if isinstance(edge, str) else f"≤ {edge / scale:,.4g}" for edge in old.cells]
        first, second = _of_all(old), _of_all(after.counts[name])
        if old.median is not None:
            names = [*labels, "more"]
            return Histogram(tuple(names), tuple(first.tolist()), tuple(second.tolist()))
        kept = np.sort((first + second)[:-1].argsort(kind="stable")[::-1][:SHOWN])
        pair = [
            tuple([*part[kept].tolist(), 1 - float(part[kept].sum())]) for part in (first, second)
        ]
        return Histogram((*(labels[k][:40] for k in kept), "all others"), *pair)
    return Histogram()
