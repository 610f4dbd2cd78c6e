"""The gate: is the challenger better than the champion, on the same rows, beyond chance?

In: two verified releases. Out: a `Verdict` (promote, hold, reject) with its reasons. Every doubt is
a "no": the gate fails closed.
"""

import time
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from ..data.contract import USED
from ..data.rows import frame_of, rows_of
from ..data.split import fingerprints
from ..evaluation.problem import groups_of
from ..evaluation.scores import WEIGHTED, bounds, guess_of, resamples, spread, truth_of
from ..evaluation.slices import FEW, masks
from ..settings import Settings
from .bundle import Release, holdout


@dataclass(frozen=True)
class Verdict:
    """What the gate says: promote, hold or reject, in a sentence and in numbers."""

    verdict: str
    reason: str
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Challenger minus the other, on the same rows, with the bounds of a paired bootstrap."""

    value: float
    low: float
    high: float
    rows: int


def compare(
    challenger: Release,
    other: Release,
    frame: pd.DataFrame,
    settings: Settings,
    mask: np.ndarray | None = None,
) -> Difference:
    """Return the paired difference of the metric on `frame` (within `mask`), by group.

    The bounds are one-sided at the gate's confidence each (Efron and Tibshirani, 1993, ch. 13).
    """
    rows = frame if mask is None else frame[mask].reset_index(drop=True)
    metric = WEIGHTED[challenger.evaluation["metric"]]
    weights = resamples(groups_of(rows, settings.data.group), settings.training.seed, 500)
    truth = truth_of(rows, challenger.contract, challenger.classes)
    ours = guess_of(challenger.model, rows, challenger.classes)
    theirs = guess_of(other.model, rows, challenger.classes)
    gain = spread(metric, truth, ours, weights) - spread(metric, truth, theirs, weights)
    return Difference(**bounds(gain, 1 - settings.gate.confidence), rows=len(rows))


def judge(
    challenger: Release,
    champion: Release | None,
    anchor: Release | None,
    settings: Settings,
    looks: int,
) -> Verdict:
    """Return the verdict on a verified challenger. looks: at its test set, this one counted."""
    if looks > settings.gate.looks:
        return Verdict(
            "hold",
            f"the test set was looked at {looks} times, more than "
            f"{settings.gate.looks}: luck could pass now; bring fresh rows",
        )
    took = latency_ms(challenger)
    if took > settings.gate.latency_ms:
        return Verdict(
            "reject",
            f"one row takes {took:.0f} ms, more than the budget of "
            f"{settings.gate.latency_ms:.0f} ms",
        )
    if missed := challenger.evaluation["missed"]:
        return Verdict("reject", f"a floor of [slices] is missed: {'; '.join(missed)}")
    if champion is None:
        return _first(challenger)
    frame = holdout(challenger)
    gone = sorted(set(champion.contract.features) - set(frame.columns))
    if gone:
        shown = ", ".join(gone)
        return Verdict("hold", f"no common rows: the champion needs {shown}, now set aside")
    frame = fresh(frame, champion)
    if len(frame) < FEW:
        return Verdict("hold", f"only {len(frame)} test rows that the champion was not trained on")
    gain = compare(challenger, champion, frame, settings)
    details: dict[str, object] = {"champion": asdict(gain), "latency_ms": took, "looks": looks}
    verdict = _by_gain(gain, challenger.evaluation["metric"], settings)
    if verdict.verdict == "promote":
        verdict = _harm(challenger, champion, anchor, frame, settings) or verdict
    return Verdict(verdict.verdict, verdict.reason, details)


def _first(challenger: Release) -> Verdict:
    evaluation = challenger.evaluation
    score, baseline = evaluation["scores"][evaluation["metric"]], evaluation["baseline"]
    if score["low"] > baseline:
        return Verdict(
            "promote",
            "the first champion: surely better than the baseline "
            f"({evaluation['metric']} at least {score['low']:.3f}, "
            f"baseline {baseline:.3f})",
        )
    return Verdict(
        "reject",
        f"not surely better than the baseline: {evaluation['metric']} may be as "
        f"low as {score['low']:.3f}, the baseline has {baseline:.3f}",
    )


def fresh(frame: pd.DataFrame, champion: Release) -> pd.DataFrame:
    """Return the challenger's test rows that the champion was not trained on either.

    Rows are told apart by the columns that the champion knew, where they are still there.
    """
    known = [c.name for c in champion.contract.named(*USED) if c.name in frame]
    seen = np.isin(fingerprints(frame[known]), np.load(champion.path / "trained_on.npy"))
    return frame[~seen].reset_index(drop=True)


def _by_gain(gain: Difference, metric: str, settings: Settings) -> Verdict:
    shown = (
        f"{metric} {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) on {gain.rows:,} rows"
    )
    if gain.low > settings.gate.margin:
        return Verdict("promote", f"the challenger is better: {shown}")
    if gain.high < 0:
        return Verdict("reject", f"the challenger is worse: {shown}")
    return Verdict("hold", f"no proof that the challenger is better: {shown}")


def _harm(
    challenger: Release,
    champion: Release,
    anchor: Release | None,
    frame: pd.DataFrame,
    settings: Settings,
) -> Verdict | None:
    """Return what keeps a better challenger out: surely worse than the anchor, or in a slice."""
    limit = -settings.gate.tolerance
    if anchor is not None:
        distance = compare(challenger, anchor, frame, settings)
        if distance.high < limit:
            return Verdict("reject", f"worse than the frozen anchor by {-distance.value:.4f}")
    for column, value, _, mask in masks(frame, challenger.contract):
        if mask.sum() >= FEW:
            gain = compare(challenger, champion, frame, settings, mask)
            if gain.high < limit:
                where = f"better overall, surely worse where {column} is {value}"
                return Verdict("hold", f"{where}: {gain.value:+.4f}")
    return None


def latency_ms(release: Release, tries: int = 20) -> float:
    """Return the median milliseconds of one row from JSON values to a guess."""
    rows = rows_of(holdout(release)[release.contract.features].head(1))
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        guess_of(release.model, frame_of(release.contract, rows), release.classes)
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000
