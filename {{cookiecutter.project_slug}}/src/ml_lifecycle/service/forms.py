"""The shape of what goes in and comes out over HTTP, whatever the status.

In: nothing. Out: types; the rows of a request are made from the contract (request.py).
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..data.contract import Column
from ..ledger.outcomes import Taken as Taken

Said = str | float
Plain = str | int | float | None


class Outcome(BaseModel):
    """What really happened for one row of an earlier request."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    request_id: str = Field(max_length=64)
    row: int = Field(0, ge=0, le=1_000_000)
    value: Annotated[str, Field(max_length=10_000)] | float | bool
    happened_at: AwareDatetime | None = None


class Outcomes(BaseModel):
    """Labels as they arrive."""

    model_config = ConfigDict(extra="forbid")
    outcomes: list[Outcome] = Field(min_length=1, max_length=10_000)


class Prediction(BaseModel):
    """The answer for one row; probabilities: by class, null for numbers."""

    prediction: Said
    probabilities: dict[str, float] | None
    warnings: list[str]


class Predictions(BaseModel):
    """Answers in the order of the rows; an outcome is sent with the request_id and the place."""

    request_id: str
    version: int
    predictions: list[Prediction]


class Invocation(BaseModel):
    """Answers in the order of the rows, as MLflow and SageMaker give them."""

    predictions: list[Said]


class Reason(BaseModel):
    """By how much one column moved the prediction, against its typical value."""

    column: str
    value: Plain
    typical: Plain
    moved: float


class Explanation(BaseModel):
    """A prediction and its reasons, the largest first, each on its own: they do not add up.

    of: the class that probability, typical and moved are about: of two the one that counts, of
    more the likeliest; null for numbers. threshold: acted from this probability on. typical: what
    the typical row gets. No reasons: nothing stands out.
    """

    version: int
    prediction: Said
    of: str | None
    probability: float | None
    threshold: float | None
    typical: float
    reasons: list[Reason]


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """A verified model is loaded."""

    status: str
    version: int


class Example(BaseModel):
    """A row to try: typical, or the test row with the highest, middle or lowest guess."""

    which: str
    row: dict[str, Plain]


class Described(BaseModel):
    """The model in use. columns, row: what a row must look like; typical_row: to compare with.

    compiled: whether a faster form answers, which says what the pipeline says; why, in words.
    """

    name: str
    version: int
    candidate: str
    task: str
    target: str
    classes: list[str]
    threshold: float | None
    headline: str
    compiled: bool
    compiled_why: str
    typical_row: dict[str, Plain]
    examples: list[Example]
    columns: list[Column]
    row: dict[str, Any]


class Problem(BaseModel):
    """Where a body is wrong, and in what; what was sent is never repeated."""

    loc: str
    msg: str


class Refused(BaseModel):
    """What is wrong with the body, 20 problems at most."""

    detail: list[Problem]


class Failed(BaseModel):
    """Why there is no answer."""

    detail: str


MEANING: dict[int, str] = {
    401: "no valid X-API-Key, or bearer token where an issuer is known",
    406: "neither JSON nor CSV is wanted",
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is in another form than stated here, or packed otherwise than by gzip",
    422: "the body breaks the contract, or its Idempotency-Key came before with another body",
    429: "too many requests of this caller: try again after Retry-After seconds",
    503: "too many rows wait, or the ledger does not answer: try again after Retry-After seconds",
    504: "no answer in time: send fewer rows",
}


# What OpenAPI says of the header that makes a request count once.
ONCE: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A request sent again with the same key and the same body is answered "
            "as before, and written once: as long as its rows are in the ledger.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        }
    ]
}


def statuses(*numbers: int) -> dict[int | str, dict[str, Any]]:
    """Return what each status means and the shape of its body, for a route."""
    return {
        number: {"model": Refused if number == 422 else Failed, "description": MEANING[number]}
        for number in numbers
    }
