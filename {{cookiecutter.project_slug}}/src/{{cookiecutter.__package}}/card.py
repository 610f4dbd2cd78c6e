"""The model card (Mitchell et al., 2019), in Markdown, made from the release alone.

Its words are in pages/card.md; what only people know is asked for there.
"""

from ml_lifecycle import Project
from ml_lifecycle.data import Contract
from ml_lifecycle.evaluation import Evaluation
from ml_lifecycle.release import Lineage


def card(
    project: Project,
    number: int | None,
    made_of: Lineage,
    evaluation: Evaluation,
    contract: Contract,
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
