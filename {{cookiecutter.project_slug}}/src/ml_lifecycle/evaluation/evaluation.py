"""Everything that is known of one model on one test set: what a release keeps and pages show.

In: what the other modules of this wing measured. Out: an `Evaluation`, from and to JSON.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from ..words import called
from .explain import Example, Importance
from .scores import Calibration, Interval
from .slices import FloorCheck, SliceScore
from .staleness import AgePoint
from .value import PolicyValue
from .worst_slice import WorstSlice


@dataclass(frozen=True)
class CandidateScore:
    """The best trial of a candidate, out of fold."""

    candidate: str
    score: float
    standard_error: float
    seconds: float
    params: str


@dataclass(frozen=True)
class SearchStep:
    """One trial of the search: its score, the best so far, and the gain that it had promised."""

    candidate: str
    score: float
    best: float
    expected: float | None
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """One model on one test set.

    task: the kind of target; groups: how many the bootstrap drew; unassessed: a sentence for each
    thing that is not known; uncalibrated: before calibration, None without one; threshold: acted
    from this probability on; visible: see `ScoredRows.visible`; choice: why this candidate;
    min_gain: where the search stops; judged: what was judged and what serves, in a sentence; more:
    what a project measures besides, JSON values by name.
    """

    task: str
    metric: str
    rows: int
    groups: int
    scores: dict[str, Interval]
    baseline: float
    slices: list[SliceScore]
    gaps: dict[str, dict[str, float | None]]
    slice_floors: list[FloorCheck]
    unassessed: list[str]
    worst_slice: WorstSlice | None
    calibration: Calibration
    uncalibrated: Calibration | None
    threshold: float | None
    policies: list[PolicyValue]
    currency: str
    importances: list[Importance]
    visible: float
    examples: list[Example]
    choice: str
    ladder: list[CandidateScore]
    search: list[SearchStep]
    min_gain: float | None
    staleness: list[AgePoint]
    more: dict[str, Any] = field(default_factory=dict)
    judged: str = ""

    @property
    def failed_floors(self) -> list[str]:
        """A sentence for each floor of [slices] that is missed."""
        return [floor.message for floor in self.slice_floors if not floor.passed]

    @property
    def losing(self) -> list[str]:
        """A sentence for each way to do without the model that surely earns more.

        The champion is for the gate to compare with.
        """
        return [
            f"the model surely earns less than '{row.policy}', by {-row.lead.value:.4g} "
            f"{self.currency} a row ({-row.lead.high:.4g} to {-row.lead.low:.4g})"
            for row in self.policies
            if row.lead and row.policy != "the champion" and row.lead.high < 0
        ]

    @property
    def headline(self) -> str:
        """The one sentence to remember."""
        score, metric = self.scores[self.metric], called(self.metric)
        return (
            f"{metric} {score.value:.3f} ({score.low:.3f} to {score.high:.3f}) "
            f"on {self.rows:,} test rows; the baseline reaches {self.baseline:.3f}"
        )

    def to_json(self) -> str:
        """Return it as JSON; what is undefined is NaN there too."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, content: bytes) -> "Evaluation":
        """Return what `to_json` wrote; raise `ValueError` for anything else."""
        return _ADAPTER.validate_json(content)


_ADAPTER = TypeAdapter(Evaluation)
