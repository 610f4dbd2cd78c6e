"""What the gate judges on: rows with an outcome that neither model can have been trained on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ml_lifecycle.data.rows import to_records
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.release.evidence import PRODUCTION, TEST, Case, gather
from project.gate import judge
from world import Champion


@pytest.fixture
def lived(champion: Champion, table: Any, tmp_path: Path) -> Callable[..., Case]:
    """Serve rows with their outcomes; return the case of the champion against itself."""
    settings = champion.copy(tmp_path)
    contract = champion.release.contract
    columns = [c.name for c in contract.columns if c.role not in ("target", "ignored", "id")]

    def serve(rows: pd.DataFrame, enough: int, odd: str = "", **change: Any) -> Case:
        sent = to_records(rows[columns])
        about = {
            "created_at": now() - timedelta(days=1),
            "version": 1,
            "prediction": "no",
            "probabilities": {},
        }
        values = [odd or value for value in rows["target"]]
        ours = replace(champion.release, sha256="challenger")
        with Ledger(settings.project.ledger_url) as ledger:
            ledger.write_predictions(
                [
                    about | {"request_id": str(i), "row": 0, "inputs": record} | change
                    for i, record in enumerate(sent)
                ]
            )
            ledger.write_outcomes(
                [{"request_id": str(i), "row": 0, "value": v} for i, v in enumerate(values)]
            )
            return gather(ours, champion.release, None, ledger, enough)

    return serve


def test_outcomes_from_production_judge_where_there_are_enough(
    champion: Champion, lived: Callable[..., Case], table: Any
) -> None:
    enough = lived(table(rows=300, seed=9), 300)
    assert (enough.where, len(enough.frame)) == ("outcomes from production", 300)
    assert enough.key != champion.release.manifest.test_sha256
    verdict = judge(enough, champion.settings)
    assert verdict.verdict == "hold"
    assert "of outcomes from production" in verdict.reason
    assert "the gap by gender" in [check["name"] for check in verdict.details["checks"]]


@pytest.mark.parametrize("gone", ["customer", "gender"])
def test_an_outcome_that_may_have_been_trained_on_does_not_judge(
    lived: Callable[..., Case], table: Any, gone: str
) -> None:
    assert lived(table(rows=120, seed=9).assign(**{gone: None}), 50).where == TEST


@pytest.mark.parametrize(("gone", "where"), [("customer", PRODUCTION), ("gender", TEST)])
def test_a_later_outcome_needs_only_what_fairness_needs(
    lived: Callable[..., Case], table: Any, gone: str, where: str
) -> None:
    later = now() + timedelta(days=1)
    assert (
        lived(table(rows=120, seed=9).assign(**{gone: None}), 50, created_at=later).where == where
    )


def test_rows_that_were_trained_on_do_not_judge(
    champion: Champion, lived: Callable[..., Case]
) -> None:
    assert len(lived(champion.rows[0], 50).frame) == champion.release.manifest.test_rows


def test_outcomes_of_no_class_judge_nobody(lived: Callable[..., Case], table: Any) -> None:
    assert lived(table(rows=120, seed=9), 50, odd="perhaps").where == TEST
