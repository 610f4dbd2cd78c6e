"""A release is tried in the real service before it may serve, in each way that JSON can spell."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data import values
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.service import request
from project.lifecycle import rehearse
from world import Champion


@dataclass(frozen=True)
class Undecided:
    """Stands for a pipeline, and knows nothing of any row."""

    classes_ = ("no", "yes")

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        return np.full((len(frame), 2), 0.5)


def test_a_release_that_the_service_answers_otherwise_with_is_not_judged(
    champion: Champion,
) -> None:
    other = replace(champion.release, model=Undecided())
    with pytest.raises(CheckFailed, match="golden row 1: the service answers otherwise"):
        rehearse(other, champion.settings)


def test_a_service_that_reads_a_code_as_it_is_written_is_found_out(
    champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse(champion.release, champion.settings)
    for module in (request, values):
        monkeypatch.setattr(module, "reader", lambda column: lambda value: value and str(value))
    with pytest.raises(CheckFailed, match=r"golden row \d+, typed: the service answers otherwise"):
        rehearse(champion.release, champion.settings)
