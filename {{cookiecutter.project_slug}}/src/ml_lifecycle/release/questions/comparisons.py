"""Challenger against prior, champion and anchor on the same rows: better, no worse, harmless?

In: a `Case`, the score, the gate's settings. Out: a `GateCheck` a question. Every doubt is a no.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite

import numpy as np

from ...evaluation.compare import (
    POWER,
    PairedDifference,
    PairedPredictions,
    alpha_at_look,
    gap_difference,
    minimum_detectable_gain,
    neg_calibration_error,
    paired_difference,
    paired_differences,
)
from ...evaluation.scored import FEW
from ...evaluation.scores import WeightedScore, target_values
from ...evaluation.slices import masks
from ...evaluation.task import groups_of
from ...words import called, counted
from ..bundle import Release
from ..evidence import TEST, Case, comparable, missing_features, paired_predictions
from ..settings import GateSettings
from .verdict import GateCheck

BETTER, NO_WORSE, ANCHOR = "better", "no worse", "not worse than the anchor"


@dataclass(frozen=True)
class Metric:
    """What is compared: the name of a score, the score, and the seed of its bootstrap."""

    name: str
    score: WeightedScore
    seed: int = 0

    def words(self, found: PairedDifference) -> str:
        """Return a gain as people read it."""
        bounds = f"({found.low:+.4f} to {found.high:+.4f})"
        rows = counted(found.rows, "row")
        return f"{called(self.name)} {found.value:+.4f} {bounds} on {rows}"


def paired(case: Case, other: Release | None, seed: int) -> PairedPredictions:
    """Return both models' honest predictions of the case's rows; without `other`, of no feature."""
    release, frame = case.challenger, case.frame
    y_true = target_values(frame, release.contract, release.classes)
    ours, theirs = paired_predictions(release, other or release, frame)
    if other is None and ours.ndim == 2:
        shares = np.bincount(y_true, minlength=ours.shape[1]) / len(y_true)
        theirs = np.tile(shares, (len(y_true), 1))
    elif other is None:
        theirs = np.full(len(y_true), y_true.mean())
    groups = groups_of(frame, release.contract.group)
    return PairedPredictions(y_true, ours, theirs, groups, seed)


def beats_prior(case: Case, metric: Metric, gate: GateSettings) -> GateCheck:
    """Ask if the first champion is surely better than knowing the rows' mean, but no feature."""
    alpha = alpha_at_look(case.look, gate.confidence)
    found = paired_difference(paired(case, None, metric.seed), metric.score, alpha)
    better = found.low > 0
    surely = "the first champion: surely" if better else "not surely"
    said = f"{surely} better than a guess without features, {metric.words(found)}"
    return GateCheck(BETTER, "promote" if better else "reject", said, found, 0.0)


def superiority(
    pair: PairedPredictions, metric: Metric, gate: GateSettings, look: int, where: str = TEST
) -> GateCheck:
    """Ask if the challenger is surely better by the margin, at this look at the rows."""
    # Promoting spends the error that all looks share; to reject is no risk of that kind.
    margin = gate.margin
    alphas = alpha_at_look(look, gate.confidence), 1 - gate.confidence
    found, plain = paired_differences(pair, metric.score, alphas)
    words = f"{_beside(pair, metric)}{metric.words(found)} of {where} that neither had seen"
    if found.low > margin:
        least = f", surely by more than {margin:g}" if margin else ""
        said = f"better than the champion{least}: {words}; nothing looked at got surely worse"
        return GateCheck(BETTER, "promote", said, found, margin)
    if plain.high < min(margin, 0):
        return GateCheck(BETTER, "reject", f"worse than the champion: {words}", found, margin)
    shows, rows = minimum_detectable_gain(found, margin)
    # Two figures: the rows are an estimate, and read as one.
    more = f"; about {float(f'{rows:.2g}'):,.0f} rows would show this one" if isfinite(rows) else ""
    said = (
        f"not surely better than the champion by {margin:g}: {words}; these rows have a power of "
        f"{100 * POWER:.0f} % for a gain of {shows:.3f}{more}"
    )
    return GateCheck(BETTER, "hold", said, found, margin)


def anchored(case: Case, metric: Metric, gate: GateSettings) -> GateCheck:
    """Ask if the challenger is no worse than the anchor, where there is one to compare with."""
    if case.anchor is None:
        return GateCheck(ANCHOR, "promote", "there is no anchor that can be read")
    if case.champion is not None and case.anchor.sha256 == case.champion.sha256:
        return GateCheck(ANCHOR, "promote", "the champion is the anchor")
    if absent := missing_features(case.anchor, case.frame):
        said = f"the anchor needs {', '.join(absent)}, now set aside; freeze another with --anchor"
        return GateCheck(ANCHOR, "hold", said)
    frame = comparable(case.challenger, case.anchor, case.frame)
    if len(frame) < FEW:
        said = f"only {len(frame)} rows of which the anchor says something honest"
        return GateCheck(ANCHOR, "hold", said)
    pair = paired(replace(case, frame=frame), case.anchor, metric.seed)
    return non_inferiority(pair, metric, gate, case.anchor_look)


def non_inferiority(
    pair: PairedPredictions,
    metric: Metric,
    gate: GateSettings,
    look: int,
    name: str = ANCHOR,
    other: str = "the frozen anchor",
) -> GateCheck:
    """Ask if the challenger is surely no worse, by the tolerance, than the anchor or champion.

    All versions that are compared with one anchor share one error: small losses add up.
    """
    limit = -gate.tolerance
    found = paired_difference(pair, metric.score, alpha_at_look(look, gate.confidence))
    words = f"{other}: {_beside(pair, metric, other)}{metric.words(found)}"
    if found.low > limit:
        said = f"surely no worse by {gate.tolerance:g} than {words}"
        return GateCheck(name, "promote", said, found, limit)
    if found.high < limit:
        return GateCheck(
            name, "reject", f"surely worse by {gate.tolerance:g} than {words}", found, limit
        )
    shows = minimum_detectable_gain(found, limit)[0]
    said = (
        f"not surely as good as {words}; these rows have a power of {100 * POWER:.0f} % "
        f"to show it of a gain of {shows:+.3f}"
    )
    return GateCheck(name, "hold", said, found, limit)


def harms(
    pair: PairedPredictions, case: Case, metric: Metric, gate: GateSettings
) -> Iterator[GateCheck]:
    """Ask what a gain may not cost: slices, gaps between groups, calibration."""
    asked = list(_harms(pair, case, metric.score))
    # Each is asked with a share of the error, so that asking more does not find more by luck.
    for name, ask in asked:
        found = ask(alpha=(1 - gate.confidence) / len(asked))
        answer = "promote", "not surely worse"
        if found.high < -gate.tolerance:
            answer = "hold", f"better overall, but surely worse in {name}: {metric.words(found)}"
        yield GateCheck(name, *answer, found, -gate.tolerance)


def _harms(
    pair: PairedPredictions, case: Case, score: WeightedScore
) -> Iterator[tuple[str, Callable[..., PairedDifference]]]:
    """Yield a name, and what computes its gain from an alpha."""
    sensitive: dict[str, list[np.ndarray]] = {}
    for column, value, is_sensitive, mask in masks(case.frame, case.challenger.contract):
        if mask.sum() < FEW:
            continue
        yield f"{column} = {value}", partial(paired_difference, pair, score, mask=mask)
        if is_sensitive:
            sensitive.setdefault(column, []).append(mask)
    for column, groups in sensitive.items():
        if len(groups) > 1:
            yield f"the gap by {column}", partial(gap_difference, pair, score, masks=groups)
    if case.challenger.classes:
        yield "calibration", partial(paired_difference, pair, neg_calibration_error)


def _beside(pair: PairedPredictions, metric: Metric, other: str = "the champion") -> str:
    """Return both scores on the rows of a pair, for those who ask how good that is."""
    once = np.ones((1, len(pair.y_true)))
    ours, theirs = (
        float(metric.score(pair.y_true, y_pred, once)[0])
        for y_pred in (pair.challenger, pair.champion)
    )
    return f"{called(metric.name)} {ours:.4f} beside {other}'s {theirs:.4f}, a gain of "
