"""The search over a ladder of candidates: what to try next, when to stop, which to keep, the fit.

A project writes the ladder; this wing cross-validates it within a budget and keeps the simplest
candidate that nothing beats by more than chance.
"""

from .cost import feature_cost
from .search import Search, search
from .select import Selected, Selection, fit, select
from .settings import SearchSettings
from .space import Candidate, Dimension, Ladder

__all__ = [
    "Candidate",
    "Dimension",
    "Ladder",
    "Search",
    "SearchSettings",
    "Selected",
    "Selection",
    "feature_cost",
    "fit",
    "search",
    "select",
]
