"""[service]: how the service listens, and what it refuses."""

from typing import Annotated

from pydantic import Field

from ..data.limits import Limits


class ServiceSettings(Limits):
    """[service]: how the service listens; what it refuses is what training is checked against."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    refresh_seconds: Annotated[float, Field(gt=0)] = 2.0
    deadline_seconds: Annotated[float, Field(gt=0)] = 5.0
    queue_rows: Annotated[int, Field(gt=0)] = 10_000
