"""The gate: may the challenger serve? Every doubt is a "no": the gate fails closed.

In: a `Case`. Out: a `Verdict` (promote, hold, reject) with every check that led to it. What must
hold before anything is compared comes first; then the gain; then what the gain may not cost.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np

from ..evaluation.problem import groups_of
from ..evaluation.scores import WEIGHTED, Weighted, guess_of, truth_of
from ..evaluation.slices import FEW, masks
from ..settings import Gate, Settings
from ..words import called, counted
from .bundle import Release
from .checks import Check, before
from .compare import POWER, Gain, Pair, gain, gains, gap_gain, off, shown, tail_at
from .evidence import TEST, Case, fresh, gone

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
    reason = f"{worst.said}. Not assessed: {'; '.join(unknown)}" if unknown else worst.said
    return Verdict(worst.verdict, reason, details | {"checks": [_plain(c) for c in checks]})


def _plain(check: Check) -> dict[str, Any]:
    """Return a check as JSON values; what is not a number is none."""
    content = asdict(check)
    if check.gain is not None:
        gained = {
            name: value if isfinite(value) else None for name, value in content["gain"].items()
        }
        content["gain"] = gained
    return content


def pair_of(case: Case, other: Release | None, settings: Settings) -> Pair:
    """Return both guesses of the case's rows; without `other`, that of knowing no feature."""
    release, frame = case.challenger, case.frame
    truth = truth_of(frame, release.contract, release.classes)
    ours = guess_of(release.model, frame, release.classes)
    if other is not None:
        theirs = guess_of(other.model, frame, release.classes)
    elif ours.ndim == 2:
        theirs = np.tile(np.bincount(truth, minlength=ours.shape[1]) / len(truth), (len(truth), 1))
    else:
        theirs = np.full(len(truth), truth.mean())
    groups = groups_of(frame, settings.data.group)
    return Pair(truth, ours, theirs, groups, settings.training.seed)


def _first(case: Case, settings: Settings) -> Iterator[Check]:
    """Compare with a guess that knows the rows' mean, but no feature: the first champion's test."""
    metric = case.challenger.evaluation["metric"]
    tail = tail_at(case.look, settings.gate.confidence)
    found = gain(pair_of(case, None, settings), WEIGHTED[metric], tail)
    better = found.low > 0
    surely = "the first champion: surely" if better else "not surely"
    said = f"{surely} better than a guess without features, {_words(metric, found)}"
    yield Check("better", "promote" if better else "reject", said, found, 0.0)


def _compared(case: Case, settings: Settings) -> Iterator[Check]:
    allowed, metric = settings.gate, case.challenger.evaluation["metric"]
    pair = pair_of(case, case.champion, settings)
    yield better(pair, metric, case.look, allowed, case.where)
    yield _anchored(case, metric, settings)
    harms = list(_harms(pair, case, WEIGHTED[metric]))
    # Each is asked with a share of the error, so that asking more does not find more by luck.
    for name, ask in harms:
        found = ask((1 - allowed.confidence) / len(harms))
        harmed = found.high < -allowed.tolerance
        said = f"better overall, but surely worse in {name}: {_words(metric, found)}"
        answer = ("hold", said) if harmed else ("promote", "not surely worse")
        yield Check(name, *answer, found, -allowed.tolerance)


def better(pair: Pair, metric: str, look: int, allowed: Gate, where: str = TEST) -> Check:
    """Ask if the challenger is surely better by the margin, at this look at the rows."""
    # Promoting spends the error that all looks share; to reject is no risk of that kind.
    tails, margin = (tail_at(look, allowed.confidence), 1 - allowed.confidence), allowed.margin
    found, plain = gains(pair, WEIGHTED[metric], tails)
    words = f"{_beside(pair, metric)}{_words(metric, found)} of {where} that neither was trained on"
    if found.low > margin:
        least = f", surely by more than {margin:g}" if margin else ""
        said = f"better than the champion{least}: {words}; nothing looked at got surely worse"
        return Check("better", "promote", said, found, margin)
    if plain.high < min(margin, 0):
        return Check("better", "reject", f"worse than the champion: {words}", found, margin)
    shows, rows = shown(found, margin)
    # Two figures: the rows are an estimate, and read as one.
    more = f"; about {float(f'{rows:.2g}'):,.0f} rows would show this one" if isfinite(rows) else ""
    said = (
        f"not surely better than the champion by {margin:g}: {words}; these rows have a power of "
        f"{100 * POWER:.0f} % for a gain of {shows:.3f}{more}"
    )
    return Check("better", "hold", said, found, margin)


def _anchored(case: Case, metric: str, settings: Settings) -> Check:
    if case.anchor is None:
        return Check(ANCHOR, "promote", "there is no anchor that can be read")
    if case.champion is not None and case.anchor.sha256 == case.champion.sha256:
        return Check(ANCHOR, "promote", "the champion is the anchor")
    if absent := gone(case.anchor, case.frame):
        said = f"the anchor needs {', '.join(absent)}, now set aside; freeze another with --anchor"
        return Check(ANCHOR, "hold", said)
    frame = fresh(case.frame, case.anchor)
    if len(frame) < FEW:
        return Check(ANCHOR, "hold", f"only {len(frame)} rows that the anchor was not trained on")
    pair = pair_of(replace(case, frame=frame), case.anchor, settings)
    return as_good(pair, metric, case.anchor_look, settings.gate)


def as_good(pair: Pair, metric: str, look: int, allowed: Gate) -> Check:
    """Ask if the challenger is surely no worse than the frozen anchor: small losses add up.

    All versions that are compared with one anchor share one error.
    """
    limit = -allowed.tolerance
    found = gain(pair, WEIGHTED[metric], tail_at(look, allowed.confidence))
    words = f"the frozen anchor: {_words(metric, found)}"
    if found.low > limit:
        return Check(ANCHOR, "promote", f"surely no worse than {words}", found, limit)
    verdict = "reject" if found.high < limit else "hold"
    return Check(ANCHOR, verdict, f"not surely as good as {words}", found, limit)


def _harms(pair: Pair, case: Case, score: Weighted) -> Iterator[tuple[str, Any]]:
    """Yield what a gain may not cost: a name, and what computes its gain from a tail."""
    sensitive: dict[str, list[np.ndarray]] = {}
    for column, value, is_sensitive, mask in masks(case.frame, case.challenger.contract):
        if mask.sum() < FEW:
            continue
        yield f"{column} = {value}", lambda tail, mask=mask: gain(pair, score, tail, mask)
        if is_sensitive:
            sensitive.setdefault(column, []).append(mask)
    for column, groups in sensitive.items():
        if len(groups) > 1:
            yield f"the gap by {column}", lambda tail, g=groups: gap_gain(pair, score, tail, g)
    if case.challenger.classes:
        yield "calibration", lambda tail: gain(pair, off, tail)


def _words(metric: str, found: Gain) -> str:
    return (
        f"{called(metric)} {found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f}) "
        f"on {counted(found.rows, 'row')}"
    )


def _beside(pair: Pair, metric: str) -> str:
    """Return both scores on the rows of a pair, for those who ask how good that is."""
    once = np.ones((1, len(pair.truth)))
    ours, theirs = (
        float(WEIGHTED[metric](pair.truth, guess, once)[0]) for guess in (pair.ours, pair.theirs)
    )
    return f"{called(metric)} {ours:.4f} beside the champion's {theirs:.4f}, a gain of "
