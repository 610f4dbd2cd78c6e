"""[service] and [rollout]: how the service listens, what it refuses, what a try may cost."""

from typing import Annotated

from pydantic import Field

from ..http import AccessSettings
from ..settings import Section, Share


class ServiceSettings(AccessSettings):
    """[service]: how the service listens; what it refuses is what training is checked against."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    refresh_seconds: Annotated[float, Field(gt=0)] = 2.0
    queue_rows: Annotated[int, Field(gt=0)] = 10_000
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 0


class RolloutSettings(Section):
    """[rollout]: what a challenger, as shadow or canary, may cost before it is sent back."""

    max_error_rate: Share = 0.01
    max_loss_increase: Annotated[float, Field(ge=0)] = 0.05
    min_rows: Annotated[int, Field(ge=50)] = 100
    alpha: Share = 0.001
