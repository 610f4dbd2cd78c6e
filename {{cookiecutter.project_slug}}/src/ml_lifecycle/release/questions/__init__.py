"""The gate's questions, each of which can say no; a project asks them in its order."""

from .comparisons import (
    BETTER,
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
    same_contract,
    value,
)
from .verdict import GateCheck, Verdict, verdict_of

__all__ = [
    "BETTER",
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
    "same_contract",
    "superiority",
    "value",
    "verdict_of",
]
