"""What is predicted and how it is judged.

In: a contract and the choices about it. Out: classes in order, the metric, y_true and groups of
typed rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from ..data.contract import TRUTHS, Contract
from ..data.values import reader
from ..errors import WrongUse
from .scores import METRICS, WeightedScore, target_values, unweighted

MANY = 10_000


@dataclass(frozen=True)
class Task:
    """One learning task; handed from stage to stage of a training.

    positive_class: of two, the one that counts; "": found by its name. metric: the one to maximise;
    "auto": the first of `metrics` for the kind of target. ordered: the order of the rows is time,
    though no column says so. metrics: scores by kind and name.
    """

    contract: Contract
    positive_class: str = ""
    metric: str = "auto"
    seed: int = 0
    ordered: bool = False
    metrics: Mapping[str, Mapping[str, WeightedScore]] = field(default_factory=lambda: METRICS)

    @property
    def kind(self) -> str:
        """What the target makes of it: binary, multiclass or regression."""
        return self.contract.task

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes as y_true numbers them; of two, the positive one is last."""
        names = tuple(self.contract.target.categories or ())
        if self.kind != "binary":
            return names
        given = reader(self.contract.target)(self.positive_class)
        said = [TRUTHS.get(name.casefold()) for name in names]
        positive = given or (names[said.index(True)] if {*said} == {True, False} else names[-1])
        return tuple(sorted(names, key=lambda name: name == positive))

    @property
    def scores(self) -> Mapping[str, WeightedScore]:
        """Every score that is reported, by name."""
        return self.metrics[self.kind]

    @cached_property
    def metric_name(self) -> str:
        """The metric to maximise; raises `WrongUse` if the chosen one does not fit the target."""
        allowed = list(self.scores)
        if self.metric != "auto" and self.metric not in allowed:
            raise WrongUse(
                f"[training] metric: {self.metric} does not fit '{self.contract.target.name}', a "
                f"{self.kind} target; choose one of {', '.join(allowed)}"
            )
        return allowed[0] if self.metric == "auto" else self.metric

    @property
    def score(self) -> WeightedScore:
        """The metric to maximise, of y_true, y_pred and (draws, rows) weights."""
        return self.scores[self.metric_name]

    def measure(self, y_true: np.ndarray, y_pred: np.ndarray) -> float:
        """Return the metric to maximise, each row counted once."""
        return unweighted(self.score)(y_true, y_pred)

    def y_true(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the target of typed rows: class numbers (int64) or values (float64)."""
        return target_values(frame, self.contract, self.classes)

    def groups(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what the bootstrap draws together: the group key, or each row by itself."""
        return groups_of(frame, self.contract.group)


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
