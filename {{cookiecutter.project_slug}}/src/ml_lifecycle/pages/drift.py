"""The page about a drift check; its words are in drift.html.

In: `Evidence`, the verdict on it, and what earlier checks found. Out: self-contained HTML.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from ..monitoring.changes import Histogram
from ..monitoring.check import Evidence
from ..project import Project
from ..words import counted, sentence
from .plots import BLUE, GREY, ORANGE, axes, svg
from .render import render

PICTURES = 12


def drift_page(
    found: Evidence,
    project: Project,
    version: int,
    said: tuple[str, str, str],
    history: Sequence[dict[str, Any]] = (),
) -> str:
    """Return the page about one check.

    said: verdict, reason, and what to do now, a sentence each; history: of earlier checks and this
    one, the oldest first: at (a date), verdict, loss and estimate as in `Evidence`, or None.
    """
    verdict, reason, advice = said
    # What the model pays for comes first, then what is surest.
    columns = sorted(
        found.columns, key=lambda c: (not c.fault, not c.drifted, -c.importance, c.p_value)
    )
    moved = [column for column in columns if column.fault or column.drifted]
    return render(
        project,
        "drift.html",
        title=f"{project.name}: version {version}, {counted(found.rows, 'row')} looked at",
        lead=sentence(f"{verdict.capitalize()}: {reason}"),
        advice=advice,
        found=found,
        moved=[(c, _picture(c.column, c.histogram)) for c in moved[:PICTURES]],
        predictions=_picture("predictions", found.predictions),
        rest=[column for column in columns if column not in moved[:PICTURES]],
        quality=_quality(history, found.loss.before),
        history=history[::-1],
    )


def history_page(history: Sequence[dict[str, Any]], project: Project, version: int, by: str) -> str:
    """Return the page about many checks in their order, see `drift_page`; of each also the rows.

    by: what they are cut by.
    """
    counts = Counter(one["verdict"] for one in history)
    befores = {one["loss"]["before"] for one in history if "loss" in one}
    return render(
        project,
        "drift-history.html",
        title=f"{project.name}: what version {version} served, by {by}",
        lead=", ".join(f"{many} × {verdict}" for verdict, many in counts.most_common())
        or "nothing",
        history=history,
        quality=_quality(history, befores.pop() if len(befores) == 1 else None),
    )


def _picture(name: str, shown: Histogram) -> Markup:
    """Draw the shares of both, side by side."""
    if not shown.cells:
        return Markup("")
    plot = axes(name[:60], "", "share of rows", 2.4)
    places = range(len(shown.cells))
    plot.bar([k - 0.2 for k in places], shown.before, 0.4, color=BLUE, label="at release")
    plot.bar([k + 0.2 for k in places], shown.after, 0.4, color=ORANGE, label="now")
    plot.set_xticks(list(places), [cell[:14] for cell in shown.cells], rotation=45, ha="right")
    plot.legend(frameon=False)
    return svg(plot, f"{name}: shares of the values at release and now")


def _quality(history: Sequence[dict[str, Any]], before: float | None) -> Markup:
    """Draw the loss from check to check: realised with its interval, and the estimate's band."""
    known = [
        (k, one["loss"]) for k, one in enumerate(history) if _at(one, "loss", "low") is not None
    ]
    told = [(k, one["estimate"]) for k, one in enumerate(history) if one.get("estimate")]
    if len(history) < 2 or not (known or told):
        return Markup("")
    plot = axes("The loss, from check to check", "", "mean loss of a row", 3)
    if before is not None:
        plot.axhline(before, color=GREY, linestyle=":", label="at release")
    if told:
        places = [k for k, _ in told]
        low, high = ([one[side] for _, one in told] for side in ("low", "high"))
        plot.fill_between(places, low, high, color=BLUE, alpha=0.2, label="estimated, 95 %")
    if known:
        now, low, high = ([one[side] for _, one in known] for side in ("now", "low", "high"))
        sides = [
            [max(0, n - edge) for n, edge in zip(now, low, strict=True)],
            [max(0, edge - n) for n, edge in zip(now, high, strict=True)],
        ]
        places = [k for k, _ in known]
        plot.errorbar(places, now, yerr=sides, fmt="o", color=ORANGE, capsize=3, label="realised")
    step = max(1, len(history) // 12)
    places = list(range(0, len(history), step))
    plot.set_xticks(places, [history[k]["at"] for k in places], rotation=45, ha="right")
    plot.legend(frameon=False)
    return svg(plot, "Mean loss of a row from check to check, realised and estimated")


def _at(one: dict[str, Any], *path: str) -> Any:
    value: Any = one
    for name in path:
        value = (value or {}).get(name)
    return value
