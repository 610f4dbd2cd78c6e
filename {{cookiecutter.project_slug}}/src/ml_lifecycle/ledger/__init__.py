"""The operational database: predictions, outcomes, decisions, looks at test sets, shadows, traffic.

A row that was written is on disk. SQLite by default, PostgreSQL by LEDGER_URL; migrations bring an
older ledger up to date and lose nothing.
"""

from .backup import backup, restore, told
from .database import Decision, Ledger
from .forget import forget
from .outcomes import Outcome, take_outcomes
from .tables import DECISIONS, LOOKS, OUTCOMES, PREDICTIONS, SHADOWS
from .traffic import Traffic, traffic_of

__all__ = [
    "DECISIONS",
    "LOOKS",
    "OUTCOMES",
    "PREDICTIONS",
    "SHADOWS",
    "Decision",
    "Ledger",
    "Outcome",
    "Traffic",
    "backup",
    "forget",
    "restore",
    "take_outcomes",
    "told",
    "traffic_of",
]
