"""The ML Test Score (Breck et al., 2017): `--ml-test-score` adds up the points that tests earned.

A test that earns is marked `@pytest.mark.ml_test("data", 1)`; rubric.toml names all 28.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest

OUTCOMES = {"failed": "FAILED", "error": "FAILED", "passed": "passed"}
ORDER = ["FAILED", "not tested yet", "passed"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ml-test-score", action="store_true", help="print the ML Test Score")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("ml_test"):
            section, number = mark.args
            item.user_properties.append(("ml_test", f"{section} {number}"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the 28, the sums of the sections, and the smallest sum, which is the score."""
    if not terminalreporter.config.getoption("--ml-test-score"):
        return
    words = _words(terminalreporter.stats)
    sums = []
    rubric = Path(__file__).with_name("rubric.toml").read_text(encoding="utf-8")
    for section, names in tomllib.loads(rubric).items():
        points = [words.get(f"{section} {i}", "not tested yet") for i in range(1, len(names) + 1)]
        sums.append(points.count("passed"))
        terminalreporter.write_line(f"\n{section}: {sums[-1]} of {len(names)}")
        for number, (name, word) in enumerate(zip(names, points, strict=True), 1):
            terminalreporter.write_line(f"  {number}. {name:<58} {word}")
    terminalreporter.write_line(f"\nThe score is the smallest section: {min(sums)}")


def _words(stats: dict[str, list[Any]]) -> dict[str, str]:
    """Return `FAILED`, `not tested yet` or `passed`; the first that any test of a point says."""
    words: dict[str, str] = {}
    for category in ("failed", "error", "passed", "skipped", "xfailed", "xpassed"):
        for report in stats.get(category, []):
            for name, point in getattr(report, "user_properties", ()):
                if name == "ml_test":
                    word = OUTCOMES.get(category, "not tested yet")
                    words[point] = min(words.get(point, word), word, key=ORDER.index)
    return words
