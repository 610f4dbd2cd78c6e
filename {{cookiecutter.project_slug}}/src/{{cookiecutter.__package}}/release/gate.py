"""The gate: may the challenger serve? Every doubt is a "no": the gate fails closed.

In: a `Case`. Out: a `Verdict` (promote, hold, reject) with every check that led to it. What must
hold before anything is compared comes first; then the gain; then what the gain may not cost.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np

from ..evaluation.scores import WEIGHTED, Weighted, predict_scores, target_values
from ..evaluation.slices import FEW, masks
from ..evaluation.task import groups_of
from ..settings import Gate, Settings
from ..words import called, counted
from .bundle import Release
from .checks import GateCheck, before
from .compare import (
    POWER,
    PairedDifference,
    PairedPredictions,
    alpha_at_look,
    gain,
    gains,
    gap_difference,
    minimum_detectable_gain,
    neg_calibration_error,
)
from .evidence import TEST, Case, missing_features, rows_not_trained_on

SEVERITY = ("promote", "hold", "reject")
ANCHOR = "not worse than the anchor"


@dataclass(frozen=True)
class Verdict:
    """What the gate says: promote, hold or reject, in a sentence and in numbers.

    who: asked it, and overruled it where the reason says so.
    """

    verdict: str
    reason: str
    details: dict[str, Any] = field(default_factory=dict)
    version: int | None = None
    who: str = ""


def judge(case: Case, settings: Settings) -> Verdict:
    """Return the verdict on a case: that of the most severe check, in its words."""
    checks = list(before(case, settings))
    if all(check.verdict == "promote" for check in checks):
        checks += _first(case, settings) if case.champion is None else _compared(case, settings)
    worst = max(checks, key=lambda check: SEVERITY.index(check.verdict))
    if worst.verdict == "promote":
        worst = next(check for check in checks if check.name == "better")
    details = {"where": case.where, "rows": len(case.frame), "looks": case.look}
    # A question that could not be asked is no answer: it is said beside whatever was decided.
    unknown = case.challenger.evaluation.get("unassessed", [])
    reason = f"{worst.message}. Not assessed: {'; '.join(unknown)}" if unknown else worst.message
    return Verdict(worst.verdict, reason, details | {"checks": [_plain(c) for c in checks]})


def _plain(check: GateCheck) -> dict[str, Any]:
    """Return a check as JSON values; what is not a number is none."""
    content = asdict(check)
    if check.gain is not None:
        gained = {
            name: value if isfinite(value) else None for name, value in content["gain"].items()
        }
        content["gain"] = gained
    return content


def pair_of(case: Case, other: Release | None, settings: Settings) -> PairedPredictions:
    """Return both guesses of the case's rows; without `other`, that of knowing no feature."""
    release, frame = case.challenger, case.frame
    y_true = target_values(frame, release.contract, release.classes)
    ours = predict_scores(release.model, frame, release.classes)
    if other is not None:
        theirs = predict_scores(other.model, frame, release.classes)
    elif ours.ndim == 2:
        theirs = np.tile(
            np.bincount(y_true, minlength=ours.shape[1]) / len(y_true), (len(y_true), 1)
        )
    else:
        theirs = np.full(len(y_true), y_true.mean())
    groups = groups_of(frame, settings.data.group)
    return PairedPredictions(y_true, ours, theirs, groups, settings.training.seed)


def _first(case: Case, settings: Settings) -> Iterator[GateCheck]:
    """Compare with a guess that knows the rows' mean, but no feature: the first champion's test."""
    metric = case.challenger.evaluation["metric"]
    alpha = alpha_at_look(case.look, settings.gate.confidence)
    found = gain(pair_of(case, None, settings), WEIGHTED[metric], alpha)
    better = found.low > 0
    surely = "the first champion: surely" if better else "not surely"
    said = f"{surely} better than a guess without features, {_words(metric, found)}"
    yield GateCheck("better", "promote" if better else "reject", said, found, 0.0)


def _compared(case: Case, settings: Settings) -> Iterator[GateCheck]:
    allowed, metric = settings.gate, case.challenger.evaluation["metric"]
    pair = pair_of(case, case.champion, settings)
    yield superiority(pair, metric, case.look, allowed, case.where)
    yield _anchored(case, metric, settings)
    harms = list(_harms(pair, case, WEIGHTED[metric]))
    # Each is asked with a share of the error, so that asking more does not find more by luck.
    for name, ask in harms:
        found = ask((1 - allowed.confidence) / len(harms))
        harmed = found.high < -allowed.tolerance
        said = f"better overall, but surely worse in {name}: {_words(metric, found)}"
        answer = ("hold", said) if harmed else ("promote", "not surely worse")
        yield GateCheck(name, *answer, found, -allowed.tolerance)


def superiority(
    pair: PairedPredictions, metric: str, look: int, allowed: Gate, where: str = TEST
) -> GateCheck:
    """Ask if the challenger is surely better by the margin, at this look at the rows."""
    # Promoting spends the error that all looks share; to reject is no risk of that kind.
    margin = allowed.margin
    alphas = alpha_at_look(look, allowed.confidence), 1 - allowed.confidence
    found, plain = gains(pair, WEIGHTED[metric], alphas)
    words = f"{_beside(pair, metric)}{_words(metric, found)} of {where} that neither was trained on"
    if found.low > margin:
        least = f", surely by more than {margin:g}" if margin else ""
        said = f"better than the champion{least}: {words}; nothing looked at got surely worse"
        return GateCheck("better", "promote", said, found, margin)
    if plain.high < min(margin, 0):
        return GateCheck("better", "reject", f"worse than the champion: {words}", found, margin)
    shows, rows = minimum_detectable_gain(found, margin)
    # Two figures: the rows are an estimate, and read as one.
    more = f"; about {float(f'{rows:.2g}'):,.0f} rows would show this one" if isfinite(rows) else ""
    said = (
        f"not surely better than the champion by {margin:g}: {words}; these rows have a power of "
        f"{100 * POWER:.0f} % for a gain of {shows:.3f}{more}"
    )
    return GateCheck("better", "hold", said, found, margin)


def _anchored(case: Case, metric: str, settings: Settings) -> GateCheck:
    if case.anchor is None:
        return GateCheck(ANCHOR, "promote", "there is no anchor that can be read")
    if case.champion is not None and case.anchor.sha256 == case.champion.sha256:
        return GateCheck(ANCHOR, "promote", "the champion is the anchor")
    if absent := missing_features(case.anchor, case.frame):
        said = f"the anchor needs {', '.join(absent)}, now set aside; freeze another with --anchor"
        return GateCheck(ANCHOR, "hold", said)
    frame = rows_not_trained_on(case.frame, case.anchor)
    if len(frame) < FEW:
        return GateCheck(
            ANCHOR, "hold", f"only {len(frame)} rows that the anchor was not trained on"
        )
    pair = pair_of(replace(case, frame=frame), case.anchor, settings)
    return non_inferiority(pair, metric, case.anchor_look, settings.gate)


def non_inferiority(pair: PairedPredictions, metric: str, look: int, allowed: Gate) -> GateCheck:
    """Ask if the challenger is surely no worse than the frozen anchor: small losses add up.

    All versions that are compared with one anchor share one error.
    """
    limit = -allowed.tolerance
    found = gain(pair, WEIGHTED[metric], alpha_at_look(look, allowed.confidence))
    words = f"the frozen anchor: {_words(metric, found)}"
    if found.low > limit:
        return GateCheck(ANCHOR, "promote", f"surely no worse than {words}", found, limit)
    verdict = "reject" if found.high < limit else "hold"
    return GateCheck(ANCHOR, verdict, f"not surely as good as {words}", found, limit)


def _harms(pair: PairedPredictions, case: Case, score: Weighted) -> Iterator[tuple[str, Any]]:
    """Yield what a gain may not cost: a name, and what computes its gain from a tail."""
    sensitive: dict[str, list[np.ndarray]] = {}
    for column, value, is_sensitive, mask in masks(case.frame, case.challenger.contract):
        if mask.sum() < FEW:
            continue
        yield f"{column} = {value}", lambda alpha, mask=mask: gain(pair, score, alpha, mask)
        if is_sensitive:
            sensitive.setdefault(column, []).append(mask)
    for column, groups in sensitive.items():
        if len(groups) > 1:
            yield (
                f"the gap by {column}",
                lambda alpha, g=groups: gap_difference(pair, score, alpha, g),
            )
    if case.challenger.classes:
        yield "calibration", lambda alpha: gain(pair, neg_calibration_error, alpha)


def _words(metric: str, found: PairedDifference) -> str:
    return (
        f"{called(metric)} {found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f}) "
        f"on {counted(found.rows, 'row')}"
    )


def _beside(pair: PairedPredictions, metric: str) -> str:
    """Return both scores on the rows of a pair, for those who ask how good that is."""
    once = np.ones((1, len(pair.y_true)))
    ours, theirs = (
        float(WEIGHTED[metric](pair.y_true, y_pred, once)[0])
        for y_pred in (pair.challenger, pair.champion)
    )
    return f"{called(metric)} {ours:.4f} beside the champion's {theirs:.4f}, a gain of "
