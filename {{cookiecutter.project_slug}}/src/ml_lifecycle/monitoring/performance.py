"""Does it hurt? The loss on rows whose outcome is known, and an estimate of it for all rows.

In: served rows, with outcomes or without. Out: a `LossComparison` and a `LossEstimate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from ..evaluation.scored import served_scores, truth
from ..evaluation.scores import losses
from ..release.bundle import Release
from .baseline import Baseline, one_of_group
from .looks import Answer
from .settings import DriftSettings

BINS = 10
CORRELATED = 0.08  # a correlation of the errors with a column that is worth a name
CLIPPED = 0.01
FAR = 5  # times `max_loss_increase`, that an estimate has to have risen


@dataclass(frozen=True)
class LossComparison:
    """Mean loss at release and now (Brier's or squared error).

    rows: with outcomes; now: None where these are too few to tell, low and high are its 95 %
    interval; worse: beyond chance, as `said` tells; answers: to each question that was asked.
    """

    rows: int
    before: float
    now: float | None = None
    worse: bool = False
    said: str = ""
    low: float | None = None
    high: float | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class LossEstimate:
    """The mean loss that rows without outcomes probably have, with its 95 % interval.

    As if nothing but the predictions' distribution had changed: that a prediction means something
    else now (concept drift) it cannot see. p_value: the chance of such a rise without drift.
    """

    value: float
    low: float
    high: float
    p_value: float = 1.0


@dataclass(frozen=True)
class _Bins:
    """Tenths of the test rows by prediction: rows, and mean and variance of the loss in each."""

    edges: np.ndarray
    rows: np.ndarray
    loss: np.ndarray
    variance: np.ndarray

    def place(self, y_pred: np.ndarray) -> np.ndarray:
        """Return the number of the bin of each row."""
        return np.searchsorted(self.edges, _score(y_pred))


def _score(y_pred: np.ndarray) -> np.ndarray:
    """Return what rows are sorted by: of many classes, the chance of being wrong."""
    return 1 - y_pred.max(axis=1) if y_pred.ndim == 2 else y_pred


def _bins(known: Baseline) -> _Bins:
    score = _score(known.y_pred)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1]))
    place, many = np.searchsorted(edges, score), len(edges) + 1
    rows = np.maximum(np.bincount(place, minlength=many), 1)
    loss = np.bincount(place, known.loss, many) / rows
    return _Bins(
        edges, rows, loss, np.bincount(place, (known.loss - loss[place]) ** 2, many) / rows
    )


def estimated_loss(known: Baseline, y_pred: np.ndarray, drift: DriftSettings) -> LossEstimate:
    """Estimate the mean loss of rows by what was said of them.

    The loss of the test rows, weighted by tenths of the predictions as they are now distributed
    (post-stratification; Cochran, 1977, section 5A.9).
    """
    bins = _bins(known)
    place = bins.place(y_pred)
    shares = np.bincount(place, minlength=len(bins.rows)) / len(place)
    value, usual = float(shares @ bins.loss), float(known.loss.mean())
    sampled = bins.loss[place].var() / len(place)
    error = np.sqrt(sampled + shares**2 @ (bins.variance / bins.rows))
    was = bins.rows / bins.rows.sum()
    moved = np.sqrt(
        sampled + bins.loss[bins.place(known.y_pred)].var() / len(known.loss)
        + (shares - was) ** 2 @ (bins.variance / bins.rows)
    )  # fmt: skip
    rise = value - usual
    # Rows may have become harder, and the model be as good as can be: that needs no other one.
    sure = rise > FAR * drift.max_loss_increase * usual and moved > 0
    p_value = float(stats.norm.sf(rise / moved)) if sure else 1.0
    return LossEstimate(value, value - 1.96 * error, value + 1.96 * error, p_value)


def realized_loss(
    release: Release,
    known: Baseline,
    served: pd.DataFrame,
    window: pd.DataFrame,
    drift: DriftSettings,
    levels: Mapping[str, float],
) -> LossComparison:
    """Ask of rows with an outcome whether the model is worse, in three ways.

    Whether the loss rose (Welch, 1947); whether it is above that of test rows with such
    predictions; whether the errors go with a column, as they did not (a score test). served: as
    `Ledger.served` returns it; window: the typed rows of these. Outcomes that are no known class,
    or no number, are left out, and of each group one row speaks.
    """
    y_true = truth(release.classes, served["outcome"])
    kept = ~np.isnan(y_true)
    kept[kept] = one_of_group(window[kept], release.contract)
    rows, usual = int(kept.sum()), float(known.loss.mean())
    if rows < drift.min_rows:
        return LossComparison(rows, usual)
    y_pred = served_scores(release.classes, served[kept])
    y_true, bins = y_true[kept], _bins(known)
    loss, place = losses(y_true, y_pred), bins.place(y_pred)
    now, expected = float(loss.mean()), bins.loss[place]
    before = _errors(known.y_true, known.y_pred, known.loss - bins.loss[bins.place(known.y_pred)])
    after = _errors(y_true, y_pred, loss - expected)
    least = drift.max_loss_increase * usual
    asked = {
        "rise": _rise(loss, known.loss, least),
        "gap": _gap(loss - expected, expected, bins, place, least),
        "residuals": _residuals(known, before, after, known.code(window[kept])),
    }
    answers = {name: answer for name, (answer, _) in asked.items()}
    # Of those that are sure the first: a loss that rose needs no further words.
    sure = [said for name, (one, said) in asked.items() if one.far and one.p_value < levels[name]]
    worse, said = bool(sure), next(iter(sure), "")
    wide = 1.96 * float(loss.std(ddof=1)) / np.sqrt(rows)
    return LossComparison(rows, usual, now, worse, said, now - wide, now + wide, answers)


def _risen(by: float, least: float, now: float, then: float) -> Answer:
    """Return how sure a rise is; least: that is worth a name; now, then: variances of its parts."""
    error = np.sqrt(now + then)
    if error == 0:
        return Answer(1.0)
    p_value = float(stats.norm.sf(by / error))
    return Answer(p_value, bool(by > least), float(then / (now + then)))


def _rise(loss: np.ndarray, before: np.ndarray, least: float) -> tuple[Answer, str]:
    rise = float(loss.mean() - before.mean())
    by = f"by {rise / before.mean():.0%}" if before.mean() else f"from 0 to {loss.mean():.3g}"
    said = f"the loss on {len(loss):,} labelled rows rose {by}"
    return _risen(rise, least, loss.var(ddof=1) / len(loss), before.var() / len(before)), said


def _gap(
    gap: np.ndarray, expected: np.ndarray, bins: _Bins, place: np.ndarray, least: float
) -> tuple[Answer, str]:
    """Ask whether the loss is above what test rows with such predictions had."""
    shares = np.bincount(place, minlength=len(bins.rows)) / len(place)
    then = shares**2 @ (bins.variance / bins.rows)
    answer = _risen(float(gap.mean()), least, gap.var(ddof=1) / len(gap), then)
    now, was = gap.mean() + expected.mean(), expected.mean()
    said = f"the loss on {len(gap):,} labelled rows is {now:.3g}, and was {was:.3g} on test rows"
    return answer, f"{said} with such predictions"


def _residuals(
    known: Baseline, before: np.ndarray, after: np.ndarray, codes: np.ndarray
) -> tuple[Answer, str]:
    """Ask whether the errors go with a column, or with nothing but the time."""
    ends, scale = np.quantile(before, [CLIPPED, 1 - CLIPPED]), before.std() or 1.0
    old, new = (
        np.column_stack([np.ones(len(errors)), some]) * np.clip(errors, *ends)[:, None] / scale
        for errors, some in ((before, known.codes), (after, codes))
    )
    apart = new.mean(axis=0) - old.mean(axis=0)
    error = np.sqrt(new.var(axis=0) / len(new) + old.var(axis=0) / len(old))
    # More than at release: errors that go with a column no more are no harm, as of learnt rows.
    more = np.abs(new.mean(axis=0)) - np.abs(old.mean(axis=0)) >= CORRELATED
    z = np.where(more, np.abs(apart) / np.maximum(error, 1e-12), 0.0)
    # Of many classes errors are losses, and whether these rose is asked by others.
    z[0] *= known.y_pred.ndim == 1
    best = int(z.argmax())
    if not z[best]:
        return Answer(1.0), ""
    p_value = min(1.0, len(z) * 2 * float(stats.norm.sf(z[best])))
    answer = Answer(p_value, shared=len(new) / (len(new) + len(old)))
    if best == 0:
        way = "higher" if apart[0] > 0 else "lower"
        return answer, f"outcomes are {way} than predicted on {len(new):,} labelled rows"
    name = list(known.coders)[best - 1]
    then, now = old[:, best].mean(), new[:, best].mean()
    said = f"errors on {len(new):,} labelled rows go with '{name}'"
    said = f"{said} (correlation {then:+.2f} → {now:+.2f})"
    return answer, said


def _errors(y_true: np.ndarray, y_pred: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Return how far off each row is, with its sign; of many classes, the loss beyond the usual."""
    return gap if y_pred.ndim == 2 else y_true - y_pred
