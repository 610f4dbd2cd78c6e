"""The model card: the nine sections of Mitchell et al. (2019), none empty, and nothing left out."""

import re
from typing import Any

import pytest
from project.card import card

from ml_lifecycle.pages.render import show

SECTIONS = (
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
)


def missing(text: str, lineage: Any, evaluation: Any) -> list[str]:
    """Return what a card should hold and does not: sections, scores, groups, origins."""
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", text, re.MULTILINE))
    gone = [f"section '{name}'" for name in SECTIONS if not sections.get(name, "").strip()]
    wanted = {f"score {k}": f"| {k} | {show(s)} |" for k, s in evaluation.scores.items()}
    for part in evaluation.slices:
        if part.sensitive:
            value = part.value.replace("|", "/")
            wanted[f"group {part.column}: {part.value}"] = f"| {value} | {part.rows} |"
    wanted |= {
        name: getattr(lineage, name) for name in ("rows_sha256", "git_commit", "lock_sha256")
    }
    return gone + [what for what, words in wanted.items() if words not in text]


@pytest.fixture
def parts(champion: Any) -> tuple[Any, Any, str]:
    """Manifest, evaluation and card of the champion."""
    release, project = champion.release, champion.settings.project
    made_of, evaluation = release.manifest, release.evaluation
    return made_of, evaluation, card(project, 1, made_of, evaluation, release.contract)


def test_the_card_has_nine_sections_with_all_scores_groups_and_origins(parts: Any) -> None:
    lineage, evaluation, text = parts
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(SECTIONS)
    assert missing(text, lineage, evaluation) == []


@pytest.mark.parametrize("name", SECTIONS)
def test_an_empty_section_is_named(name: str, parts: Any) -> None:
    lineage, evaluation, text = parts
    before, after = text.split(f"## {name}\n")
    rest = "\n## ".join(after.split("\n## ")[1:])
    emptied = f"{before}## {name}\n\n" + (f"## {rest}" if rest else "")
    assert f"section '{name}'" in missing(emptied, lineage, evaluation)


def test_a_score_group_or_origin_that_is_left_out_is_named(parts: Any) -> None:
    lineage, evaluation, text = parts
    said = {
        "score accuracy": r"\| accuracy \|.*\n",
        "group gender: male": r"\| gender \| male \|.*\n",
        "rows_sha256": lineage.rows_sha256,
        "git_commit": lineage.git_commit,
        "lock_sha256": lineage.lock_sha256,
    }
    for what, words in said.items():
        assert missing(re.sub(words, "", text), lineage, evaluation) == [what]


def test_what_only_people_know_is_asked_for(parts: Any) -> None:
    *_, text = parts
    asked = [part.split("\n")[0] for part in text.split("## ") if "a person must" in part]
    assert asked == ["Model details", "Intended use", "Training data", "Ethical considerations"]


def test_tables_in_the_card_are_tables(parts: Any) -> None:
    *_, text = parts
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1
        assert f"\n\n{block}\n" in text
