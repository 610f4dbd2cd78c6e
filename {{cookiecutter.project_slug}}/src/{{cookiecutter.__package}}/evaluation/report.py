"""The page about one model: reports/version-N.html.

In: an `Evaluation`. Out: self-contained HTML. What a reader should see first is `html`.
"""

from typing import Any

from . import page
from .assess import Evaluation, headline
from .scores import Interval
from .slices import Slice


def html(evaluation: Evaluation, title: str, currency: str) -> str:
    """Return the page about one model."""
    parts = [
        ("Scores", page.table(_score_rows(evaluation["scores"]))),
        (
            "The ladder",
            page.paragraph(evaluation["choice"])
            + page.table(evaluation["ladder"])
            + _ladder(evaluation),
        ),
        ("Calibration", _calibration(evaluation)),
        (
            "What it is worth",
            page.paragraph(_money(evaluation, currency))
            + page.table(_score_rows(evaluation["worth"])),
        ),
        ("What the model uses", _importance(evaluation)),
        (
            "For whom it works",
            page.paragraph(_fairness(evaluation["gaps"]))
            + page.table([_slice_row(Slice(**part)) for part in evaluation["slices"]]),
        ),
    ]
    return page.page(title, headline(evaluation), parts)


def _score_rows(scores: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    return [
        {"": name, "value": s["value"], "95 % from": s["low"], "to": s["high"]}
        for name, s in scores.items()
    ]


def _slice_row(part: Slice) -> dict[str, Any]:
    score = Interval(**part.score) if isinstance(part.score, dict) else part.score
    kind = "sensitive" if part.sensitive else "feature"
    shown = str(score) if score else "not assessed: too few rows"
    return {"column": part.column, "value": part.value, "rows": part.rows, "": kind, "score": shown}


def _money(evaluation: Evaluation, currency: str) -> str:
    text = f"In {currency} per row, with the values under [value] in project.toml."
    if evaluation["threshold"] is not None:
        text += (
            f" Acting from a probability of {evaluation['threshold']:.3f} earns the most; "
            "that threshold was chosen on validation rows."
        )
    return text


def _fairness(gaps: dict[str, float]) -> str:
    if not gaps:
        return "No sensitive column is named in project.toml."
    shown = ", ".join(f"{name} {gap:.3f}" for name, gap in gaps.items())
    return f"Gap between the best and the worst group of each sensitive column: {shown}."


def _ladder(evaluation: Evaluation) -> str:
    rungs = evaluation["ladder"]
    plot = page.axes("Complexity against quality", "", evaluation["metric"], 2.6)
    places = range(len(rungs))
    plot.errorbar(
        places,
        [r["score"] for r in rungs],
        [r["standard error"] for r in rungs],
        fmt="o",
        color=page.BLUE,
        capsize=4,
    )
    plot.set_xticks(places, [r["candidate"] for r in rungs])
    plot.margins(x=0.2)
    return page.svg(plot, "Cross-validated score of each candidate with its standard error")


def _calibration(evaluation: Evaluation) -> str:
    points = evaluation["calibration"]
    guess, truth = [p["guess"] for p in points], [p["truth"] for p in points]
    plot = page.axes("What was said and what happened, by tenth", "mean guess", "mean outcome")
    low, high = min(*guess, *truth), max(*guess, *truth)
    plot.plot([low, high], [low, high], color=page.GREY, linestyle="--", label="perfect")
    plot.plot(guess, truth, "o-", color=page.BLUE, label="the model")
    plot.legend(frameon=False)
    return page.svg(plot, "Mean outcome against mean guess for ten equal parts of the test rows")


def _importance(evaluation: Evaluation) -> str:
    top = list(evaluation["importance"].items())[:20][::-1]
    plot = page.axes(
        "Drop of the score when a column is shuffled", evaluation["metric"], "", 1 + 0.25 * len(top)
    )
    plot.barh([name[:40] for name, _ in top], [drop for _, drop in top], color=page.BLUE)
    return page.svg(plot, "Permutation importance of each feature")
