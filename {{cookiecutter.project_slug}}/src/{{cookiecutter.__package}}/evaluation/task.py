"""What is predicted and how it is judged: the contract and the settings, taken together.

In: a contract, settings. Out: classes in order, the metric, and truth and groups of typed rows.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..data.contract import TRUTHS, Contract
from ..data.values import reader
from ..errors import WrongUse
from ..settings import Settings
from .scores import BY_TASK, METRICS, Metric, target_values

MANY = 10_000


@dataclass(frozen=True)
class Task:
    """One learning problem; handed from stage to stage of a training."""

    contract: Contract
    settings: Settings

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes as the truth numbers them; of two, the positive one is last."""
        names = tuple(self.contract.target.categories or ())
        if self.contract.task != "binary":
            return names
        given = reader(self.contract.target)(self.settings.data.positive_class)
        said = [TRUTHS.get(name.casefold()) for name in names]
        positive = given or (names[said.index(True)] if {*said} == {True, False} else names[-1])
        return tuple(sorted(names, key=lambda name: name == positive))

    @cached_property
    def metric_name(self) -> str:
        """The metric to maximise; raises `WrongUse` if the chosen one does not fit the target."""
        allowed, name = BY_TASK[self.contract.task], self.settings.training.metric
        if name != "auto" and name not in allowed:
            raise WrongUse(
                f"[training] metric: {name} does not fit '{self.contract.target.name}', a "
                f"{self.contract.task} target; choose one of {', '.join(allowed)}"
            )
        return allowed[0] if name == "auto" else name

    @property
    def metric(self) -> Metric:
        """The metric to maximise, as a function of truth and guess."""
        return METRICS[self.metric_name]

    def y_true(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the target of typed rows as numbers."""
        return target_values(frame, self.contract, self.classes)

    def groups(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what the bootstrap draws together: the group key, or each row by itself."""
        return groups_of(frame, self.settings.data.group)


def workers(rows: int) -> int:
    """Return how many processes to fit on so many rows with; -1: one for each core.

    Threads wait for one another in the net, and a process takes seconds to start.
    """
    return -1 if rows >= MANY else 1


def groups_of(frame: pd.DataFrame, key: str) -> np.ndarray:
    """Return the group of each row; without a key, or where it is missing, each row is its own."""
    if not key:
        return np.arange(len(frame))
    own = pd.Series([f"row {place}" for place in range(len(frame))], frame.index)
    return frame[key].astype(object).fillna(own).astype(str).to_numpy()
