"""A table turned into a model that is trained, tracked, served and watched.

The folders are the lifecycle, in this order: data, model, evaluation, release, service, monitoring.
"""

import os
from importlib.metadata import metadata

__all__ = ["NAME", "VERSION"]

# Boosted trees busy-wait for their threads: beside any other work on the machine, a fit with one
# thread is faster than one with many. The search runs its folds side by side instead.
os.environ.setdefault("OMP_NUM_THREADS", "1")

NAME: str = metadata(__package__ or "")["Name"]
VERSION: str = metadata(__package__ or "")["Version"]
