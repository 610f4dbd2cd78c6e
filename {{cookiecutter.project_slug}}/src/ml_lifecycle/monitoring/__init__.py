"""Evidence on what was served: columns that moved or broke, and the loss on rows with outcomes.

Windows without drift raise an alarm in no more than the share under [drift]; what a verdict is made
of it is the project's.
"""

from .drift import ColumnDrift, DriftCheck, chi_square, column_drift
from .performance import LossComparison, realized_loss
from .settings import DriftSettings

__all__ = [
    "ColumnDrift",
    "DriftCheck",
    "DriftSettings",
    "LossComparison",
    "chi_square",
    "column_drift",
    "realized_loss",
]
