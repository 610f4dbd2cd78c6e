"""Signed releases, MLflow as their registry, the gate's questions, and who serves.

A release is verified before anything of it is loaded; who serves stands in the ledger, and is
changed by one row under its lock; every question of the gate can say no.
"""

from . import champion, questions
from .bundle import Release
from .evidence import Case, labelled
from .lineage import Lineage
from .promotion import promote, rollback
from .registry import Registry
from .settings import GateSettings
from .trust import TrustPolicy
from .write import Trained, write_release

__all__ = [
    "Case",
    "GateSettings",
    "Lineage",
    "Registry",
    "Release",
    "Trained",
    "TrustPolicy",
    "champion",
    "labelled",
    "promote",
    "questions",
    "rollback",
    "write_release",
]
