"""The model card (Mitchell et al., 2019), in Markdown, made from the release alone.

Its words are in card.md, beside this file; what only people know is asked for there.
"""

from importlib.metadata import metadata
from typing import Any

from .. import NAME
from ..data.contract import Contract
from .assess import Evaluation, headline
from .page import render


def card(
    name: str,
    number: int | None,
    lineage: dict[str, Any],
    evaluation: Evaluation,
    contract: Contract,
) -> str:
    """Return the card of one version; number: None before it is registered."""
    return render(
        "evaluation/card.md",
        title=f"{name}, version {number}" if number else name,
        purpose=metadata(NAME)["Summary"] or "",
        headline=headline(evaluation),
        lineage=lineage,
        evaluation=evaluation,
        contract=contract,
    )
