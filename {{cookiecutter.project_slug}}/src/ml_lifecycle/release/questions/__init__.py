"""The gate's questions, each of which can say no; a project asks them in its order."""

from .comparisons import (
    BETTER,
    NO_WORSE,
    Metric,
    anchored,
    beats_prior,
    harms,
    non_inferiority,
    paired,
    superiority,
)
from .preconditions import (
    common_rows,
    floors,
    latency,
    leakage,
    looks,
    not_assessed,
    question,
    same_contract,
    value,
)
from .verdict import GateCheck, Verdict, verdict_of

__all__ = [
    "BETTER",
    "NO_WORSE",
    "GateCheck",
    "Metric",
    "Verdict",
    "anchored",
    "beats_prior",
    "common_rows",
    "floors",
    "harms",
    "latency",
    "leakage",
    "looks",
    "non_inferiority",
    "not_assessed",
    "paired",
    "question",
    "same_contract",
    "superiority",
    "value",
    "verdict_of",
]
