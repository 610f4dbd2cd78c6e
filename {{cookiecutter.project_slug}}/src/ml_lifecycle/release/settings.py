"""[gate]: what a challenger has to show."""

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
