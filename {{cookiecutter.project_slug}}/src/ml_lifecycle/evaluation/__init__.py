"""Honest measures: every score with an interval, and "not assessed" where rows are too few.

Scores, slices and gaps between groups, calibration, money, explanations, ageing: of one model on
rows that it was not trained on. Higher is better, as in scikit-learn.
"""

from . import explain, query
from .evaluation import Evaluation
from .scored import Judge, ScoredRows
from .scores import METRICS
from .settings import ValueSettings
from .slices import slice_floors, slice_scores
from .staleness import staleness_curve
from .task import Task
from .value import best_threshold, constant_prediction, policy_values
from .worst_slice import worst_slice

__all__ = [
    "METRICS",
    "Evaluation",
    "Judge",
    "ScoredRows",
    "Task",
    "ValueSettings",
    "best_threshold",
    "constant_prediction",
    "explain",
    "policy_values",
    "query",
    "slice_floors",
    "slice_scores",
    "staleness_curve",
    "worst_slice",
]
