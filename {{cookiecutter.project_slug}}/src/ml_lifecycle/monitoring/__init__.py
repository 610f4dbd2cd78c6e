"""Evidence on what was served: what moved, what broke, what became worse, and how sure that is.

However often it is asked, false alarms stay below the share under [drift]; what a verdict is made
of it is the project's.
"""

from .alerts import alert
from .baseline import Baseline, baseline
from .check import Evidence, gather
from .drift import ColumnDrift
from .history import of_part, parted
from .looks import Looks, remembered
from .performance import LossComparison, LossEstimate
from .settings import DriftSettings
from .together import Together
from .window import Stretch

__all__ = [
    "Baseline",
    "ColumnDrift",
    "DriftSettings",
    "Evidence",
    "Looks",
    "LossComparison",
    "LossEstimate",
    "Stretch",
    "Together",
    "alert",
    "baseline",
    "gather",
    "of_part",
    "parted",
    "remembered",
]
