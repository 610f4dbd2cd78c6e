"""[service], the part about who may ask: how slowly, how often, with which tokens."""

from typing import Annotated

from pydantic import Field, model_validator

from ..data.limits import Limits


class AccessSettings(Limits):
    """How slow and how frequent requests may be, whose tokens count, what is open to everybody."""

    deadline_seconds: Annotated[float, Field(gt=0)] = 5.0
    rate_per_second: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    oidc_issuer: Annotated[str, Field(pattern="^(https?://.+)?$")] = ""
    oidc_audience: str = ""
    open_docs: bool = False
    open_metrics: bool = False

    @model_validator(mode="after")
    def _tokens_are_for_somebody(self) -> "AccessSettings":
        # Any token of the issuer would do, those meant for other services too.
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("oidc_issuer needs oidc_audience: for whom the tokens have to be made")
        return self
