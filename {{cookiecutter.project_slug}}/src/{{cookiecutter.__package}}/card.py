"""The model card (Mitchell et al., 2019), in Markdown, made from the release alone.

Its words are in pages/card.md; what only people know is asked for there.
"""

from typing import TYPE_CHECKING

import click

from ml_lifecycle.cli import verb

if TYPE_CHECKING:
    from ml_lifecycle import Project
    from ml_lifecycle.data import Contract
    from ml_lifecycle.evaluation import Evaluation
    from ml_lifecycle.release import Lineage

    from .settings import Settings


def card(
    project: "Project",
    number: int | None,
    made_of: "Lineage",
    evaluation: "Evaluation",
    contract: "Contract",
) -> str:
    """Return the card of one version; number: None before it is registered."""
    from ml_lifecycle.pages import render

    return render(
        project,
        "card.md",
        title=f"{project.name}, version {number}" if number else project.name,
        purpose=project.summary,
        headline=evaluation.headline,
        lineage=made_of,
        evaluation=evaluation,
        contract=contract,
    )


@click.command("card")
@verb(__package__)
def card_verb(settings: "Settings") -> None:
    """Write docs/model-card.md about the champion."""
    from ml_lifecycle.release import champion

    project = settings.project
    version, release = champion.champion_release(settings.registry)
    path = project.root / "docs" / "model-card.md"
    path.parent.mkdir(exist_ok=True)
    made_of, evaluation = release.manifest, release.evaluation
    text = card(project, version.number, made_of, evaluation, release.contract)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Look at {path.relative_to(project.root)}")
