"""[training]: how the search is run and what it maximises."""

from typing import Annotated

from pydantic import Field

from ..settings import Section


class SearchSettings(Section):
    """[training]. metric: "auto" or a name of `evaluation.METRICS`; min_gain: see `search`.

    blend: the mean of up to three models may be kept; refit: what serves is fitted again on all
    rows, after it was judged.
    """

    metric: str = "auto"
    folds: Annotated[int, Field(ge=2, le=20)] = 4
    budget_seconds: Annotated[float, Field(gt=0)] = 25.0
    max_trials: Annotated[int, Field(gt=0)] = 60
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.0005
    blend: bool = True
    refit: bool = True
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20
