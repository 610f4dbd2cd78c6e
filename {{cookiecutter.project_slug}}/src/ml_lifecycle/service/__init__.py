"""A model behind HTTP: an answer means that the prediction is on disk; a swap drops no request.

`ModelServer` does the work, and routes of the project call it. `rehearsal` and `replay` are
imported by their name only: a service does not have the client that they call it with.
"""

from . import forms, rollout
from .answer import score
from .openapi import describe
from .server import ModelServer
from .settings import RolloutSettings, ServiceSettings
from .slot import LoadedModel, ready

__all__ = [
    "LoadedModel",
    "ModelServer",
    "RolloutSettings",
    "ServiceSettings",
    "describe",
    "forms",
    "ready",
    "rehearsal",
    "replay",
    "rollout",
    "score",
]
