"""The operational database: predictions, outcomes, decisions, looks at test sets, shadows.

A row that was written is on disk. SQLite by default, PostgreSQL by LEDGER_URL; migrations bring an
older ledger up to date and lose nothing.
"""

from .backup import backup, restore, told
from .database import Decision, Ledger
from .forget import forget
from .tables import DECISIONS, LOOKS, OUTCOMES, PREDICTIONS, SHADOWS

__all__ = [
    "DECISIONS",
    "LOOKS",
    "OUTCOMES",
    "PREDICTIONS",
    "SHADOWS",
    "Decision",
    "Ledger",
    "backup",
    "forget",
    "restore",
    "told",
]
