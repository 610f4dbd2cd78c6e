"""For whoever has to trust the model: what it would say if one value were another, and its card.

Nothing here is written to the ledger: who only asks leaves no trace in what is watched.
"""

from .card import card
from .forms import COLUMN, Card, WhatIf
from .page import add_page
from .what_if import what_if

__all__ = ["COLUMN", "Card", "WhatIf", "add_page", "card", "what_if"]
