"""[gate] and [rollout]: what a challenger has to show, and what it may cost while it tries."""

from typing import Annotated

from pydantic import Field

from ..settings import Section, Share


class GateSettings(Section):
    """[gate]: what a challenger has to show; gains in units of the metric."""

    margin: float = 0.01
    confidence: Share = 0.95
    tolerance: Annotated[float, Field(ge=0)] = 0.02
    max_latency_ms: Annotated[float, Field(gt=0)] = 200.0
    max_looks: Annotated[int, Field(gt=0)] = 50
    min_outcomes: Annotated[int, Field(ge=50)] = 1000
    value: bool = True
    approver: str = ""


class RolloutSettings(Section):
    """[rollout]: what a challenger, as shadow or canary, may cost before it is sent back."""

    max_error_rate: Share = 0.01
    max_loss_increase: Annotated[float, Field(ge=0)] = 0.05
    min_rows: Annotated[int, Field(ge=50)] = 100
    alpha: Share = 0.001
