"""[drift]: when a change in production is worth a name, and what is done about it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ..settings import Names, Section, Share

Actions = Annotated[tuple[Literal["alert", "retrain"], ...], Field(strict=False)]


class Then(Section):
    """[drift.then]: what a verdict triggers."""

    watch: Actions = ()
    fault: Actions = ("alert",)
    retrain: Actions = ("alert", "retrain")

    @model_validator(mode="after")
    def _no_training_on_faults(self) -> "Then":
        if "retrain" in self.fault:
            raise ValueError("fault: what came through a broken pipe is nothing to learn from")
        return self


class DriftSettings(Section):
    """[drift]: when a change in production is worth a name, and what is done about it.

    max_rows: that are looked at, drawn by chance from more; webhooks: URLs that hear of a new
    verdict; cool_down_days: since the last training, before a check may ask for one; attempts:
    trainings in a row that the gate may turn away before a person has to look.
    """

    min_rows: Annotated[int, Field(gt=1)] = 100
    max_rows: Annotated[int, Field(gt=0)] = 100_000
    false_alarm_rate: Share = 0.05
    min_effect_size: Annotated[float, Field(gt=0)] = 0.1
    max_missing_increase: Share = 0.01
    max_loss_increase: Annotated[float, Field(gt=0)] = 0.02
    webhooks: Names = ()
    cool_down_days: Annotated[float, Field(ge=0)] = 7.0
    attempts: Annotated[int, Field(gt=0)] = 3
    then: Then = Then()

    @field_validator("webhooks")
    @classmethod
    def _are_urls(cls, webhooks: Names) -> Names:
        for place, url in enumerate(webhooks, 1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                # Its path may be a secret.
                raise ValueError(f"number {place} is no URL that begins with https:// and a host")
        return webhooks
