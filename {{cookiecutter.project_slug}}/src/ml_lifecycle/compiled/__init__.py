"""A release in a form that answers one row in microseconds, by look-ups and sums.

The pipeline stays the truth. A compiled form is only given out where it says what the pipeline
says, on every test row of the release and with missing, unseen and extreme values in each column;
whatever is not recognised, a new estimator or a transformer of a project's own, is not compiled.
"""

from .compile import Compiled, compile_model
from .parts import NotCompiled

__all__ = ["Compiled", "NotCompiled", "compile_model"]
