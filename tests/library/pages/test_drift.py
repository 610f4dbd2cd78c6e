"""The page about a drift check: the verdict first, small at any width, and nobody's markup."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ml_lifecycle.monitoring import ColumnDrift, Evidence, Looks, LossComparison, LossEstimate
from ml_lifecycle.monitoring.changes import Histogram
from ml_lifecycle.monitoring.watched import Vital
from ml_lifecycle.pages import drift_page
from world import project_at

CELLS = tuple(f"≤ {k}" for k in range(20))
SHARES = Histogram(CELLS, (0.05,) * 20, (0.05,) * 20)
SAID = "watch", "'x0' moved (median 1 → 2)", "Wait for outcomes."


def found(columns: int) -> Evidence:
    """Return a check in which every column moved, and everything is known."""
    return Evidence(
        10_000,
        LossComparison(500, 0.12, 0.13, False, "", 0.11, 0.15),
        [
            ColumnDrift(f"x{k}", k / 1e6, 0.5, True, "", True, "median 1 → 2", histogram=SHARES)
            for k in range(columns)
        ],
        estimate=LossEstimate(0.13, 0.12, 0.14),
        predictions=SHARES,
        vitals=[Vital("missing values", "2.00%", "1.00%"), Vital("outcomes", "1", "2", True)],
        alarms={"moved": True, "harm": False, "fault": False},
        looks=Looks(3),
    )


@pytest.fixture
def page(tmp_path: Path) -> Callable[[Evidence], str]:
    """Return the page about a check, the last of a year of daily ones."""
    loss = {"before": 0.12, "now": 0.13, "low": 0.11, "high": 0.15}
    day = {"at": "2026-01-01", "verdict": "quiet", "reason": "no column moved", "loss": loss}

    def show(evidence: Evidence) -> str:
        return drift_page(evidence, project_at(tmp_path), 7, SAID, [day] * 365)

    return show


def test_the_page_of_a_hundred_columns_stays_under_two_megabytes(page: Callable[..., str]) -> None:
    text = page(found(100))
    assert len(text.encode()) < 2_000_000
    assert "88 other columns" in text
    assert not re.findall(r"<(?:script|link|iframe|img)\b", text)


def test_verdict_and_what_to_do_come_before_figures_and_every_vital_has_a_line(
    page: Callable[..., str],
) -> None:
    text = page(found(2))
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads[:3] == ["What to do first", "Does it hurt?", "What moved"]
    assert text.index("Watch: &#39;x0&#39; moved") < text.index("Wait for outcomes.")
    assert "<td>missing values</td><td>2.00%</td><td>1.00%</td>" in text
    assert "look at this" in text


def test_names_and_changes_of_columns_are_never_markup(page: Callable[..., str]) -> None:
    evil = "<script>alert(1)</script>"
    column = replace(found(1).columns[0], column=evil, change=evil)
    marked = replace(found(1), columns=[column], skew=evil, vitals=[Vital(evil, evil, evil)])
    assert "<script" not in page(marked)
