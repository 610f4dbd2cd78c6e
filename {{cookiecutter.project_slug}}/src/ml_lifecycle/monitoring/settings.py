"""[drift]: when a change in production is worth a name."""

from typing import Annotated

from pydantic import Field

from ..settings import Section, Share

SHARE = 0.6  # of the error budget goes to the columns, the rest to the loss


class DriftSettings(Section):
    """[drift]: when a change in production is worth a name."""

    min_rows: Annotated[int, Field(gt=0)] = 100
    false_alarm_rate: Share = 0.05
    min_effect_size: Annotated[float, Field(gt=0)] = 0.1
    max_missing_increase: Share = 0.01
    max_loss_increase: Annotated[float, Field(gt=0)] = 0.05
