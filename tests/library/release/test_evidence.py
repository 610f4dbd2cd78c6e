"""What the gate judges on: rows with an outcome that neither model can have been trained on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.rows import to_records, validate
from ml_lifecycle.data.split import row_hashes
from ml_lifecycle.evaluation.labelled import labelled
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.ledger.database import Ledger, now
from ml_lifecycle.ledger.outcomes import Outcome, take_outcomes
from ml_lifecycle.release import evidence
from ml_lifecycle.release.bundle import Release, holdout, judgement, judges
from ml_lifecycle.release.evidence import (
    PRODUCTION,
    TEST,
    Case,
    comparable,
    gather,
    honest_predictions,
    paired_predictions,
)
from project.gate import judge
from project.lifecycle import ask_gate
from project.training import train
from world import Champion, check, make_table, quiet, rows_of


def served_by(release: Release, frame: pd.DataFrame) -> np.ndarray:
    """Return what is honest of a release where no judge is asked of new rows."""
    return honest_predictions(release, frame, np.zeros(len(frame), dtype=bool))


@pytest.fixture
def lived(champion: Champion, table: Any, tmp_path: Path) -> Callable[..., Case]:
    """Serve rows with their outcomes; return the case of the champion against itself."""
    settings = champion.copy(tmp_path)
    contract = champion.release.contract
    columns = [c.name for c in contract.columns if c.role not in ("target", "ignored", "id")]

    def serve(
        rows: pd.DataFrame,
        enough: int,
        odd: str = "",
        exclude: tuple[str, ...] = (),
        without: tuple[tuple[datetime, datetime], ...] = (),
        **change: Any,
    ) -> Case:
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
            take_outcomes(ledger, [Outcome(str(i), 0, v) for i, v in enumerate(values)])
            told = partial(labelled, exclude=exclude, without=without)
            return gather(ours, champion.release, None, ledger, enough, told)

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


def test_a_release_is_honest_of_its_test_rows_and_of_rows_that_it_has_not_seen(
    champion: Champion, table: Any
) -> None:
    release, (frame, contract) = champion.release, champion.rows
    known, test = judgement(release), holdout(release)
    assert known is not None
    assert served_by(release, test).tolist() == known.y_pred.tolist()
    early = frame[~np.isin(row_hashes(frame[contract.used]), row_hashes(test))]
    assert np.isnan(served_by(release, early)).all()
    new = validate(contract, table(rows=200, seed=9), "new")
    said = predict_scores(release.model, new, release.classes)
    assert served_by(release, new).tolist() == said.tolist()
    both = pd.concat([early, new, test], ignore_index=True)
    assert len(comparable(release, release, both)) == len(new) + len(test)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_so_it_is_with_many_classes_and_with_numbers(kind: str, typed: Any) -> None:
    settings, (frame, contract) = typed(kind)
    made = train(frame, contract, settings, quiet)
    release = settings.registry.fetch(settings.registry.wanted(made.number))
    known, test = judgement(release), holdout(release)
    assert known is not None
    said = served_by(release, frame[contract.used])
    assert np.isnan(said).any(axis=tuple(range(1, said.ndim))).sum() == len(frame) - len(test)
    assert served_by(release, test).tolist() == known.y_pred.tolist()


def test_rows_that_stand_in_both_parts_of_the_table_do_not_judge(project: Any) -> None:
    table = make_table(rows=600)
    late = pd.concat([table, table.iloc[:20], make_table(rows=80, seed=3)], ignore_index=True)
    settings = project(late.drop(columns=["since", "customer"]), group="", ordered=True)
    check(settings)
    train(*rows_of(settings), settings, quiet)
    release = settings.registry.fetch(settings.registry.wanted(None))
    assert release.manifest.duplicate_rows == 20
    with Ledger(settings.project.ledger_url) as ledger:
        case = gather(release, None, None, ledger, 1000)
    assert len(case.frame) == release.manifest.test_rows - 20
    verdict = ask_gate(settings)
    assert verdict.details["rows"] == len(case.frame)
    assert verdict.details["checks"][-1]["gain"]["low"] is not None


def test_without_a_column_only_test_rows_can_be_told(champion: Champion, table: Any) -> None:
    release, test = champion.release, holdout(champion.release).drop(columns="gender")
    new = validate(release.contract, table(rows=200, seed=9), "new").drop(columns="gender")
    assert not np.isnan(served_by(release, test)).any()
    assert np.isnan(served_by(release, new)).all()


def test_what_a_judge_says_of_a_row_that_it_was_fitted_on_is_not_honest(
    champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, test = judgement(champion.release), holdout(champion.release)
    assert known is not None
    leaky = replace(known, seen=row_hashes(test)[:7], seen_by=known.judge[:7])
    monkeypatch.setattr(evidence, "judgement", lambda release: leaky)
    assert np.flatnonzero(np.isnan(served_by(champion.release, test))).tolist() == [*range(7)]


def test_where_a_judge_speaks_the_other_ones_judge_is_asked_and_never_of_its_own_groups(
    project: Any,
) -> None:
    table = make_table(rows=900)
    settings = project(table, time="since", test_share=0.2)
    check(settings)
    frame, contract = rows_of(settings)
    days = frame["since"].rank(method="min", pct=True)
    releases = []
    for until in (0.7, 1.0):
        made = train(frame[days <= until].reset_index(drop=True), contract, settings, quiet)
        releases.append(settings.registry.fetch(settings.registry.wanted(made.number)))
    old, new = releases
    test = holdout(new)
    later = ~np.isin(row_hashes(test), row_hashes(frame[days <= 0.7][contract.used]))
    ours, theirs = paired_predictions(new, old, test)
    assert later.sum() > 50
    assert not np.isnan([ours[later], theirs[later]]).any()
    known, keys = judgement(old), row_hashes(test[["customer"]])
    assert known is not None
    each = [predict_scores(model, test, old.classes) for model in judges(old)]
    for row in np.flatnonzero(later):
        said = np.flatnonzero([one[row] == theirs[row] for one in each])
        assert any(keys[row] not in known.groups[known.groups_by == judge] for judge in said)
    served = predict_scores(old.model, test, old.classes)
    assert (theirs[later] != served[later]).mean() > 0.9


def test_an_outcome_of_a_stretch_that_is_left_out_does_not_judge(
    lived: Callable[..., Case], table: Any
) -> None:
    rows = table(rows=300, seed=9)
    case = lived(rows, 50, exclude=("plan == 'pro'",))
    assert (case.where, len(case.frame)) == (PRODUCTION, (rows["plan"] != "pro").sum())
    assert "pro" not in set(case.frame["plan"])


def test_outcomes_of_what_came_through_a_broken_pipe_do_not_judge(
    lived: Callable[..., Case], table: Any
) -> None:
    broken = (now() - timedelta(days=2), now())
    assert lived(table(rows=300, seed=9), 50, without=(broken,)).where == TEST


def test_rows_that_were_trained_on_do_not_judge(
    champion: Champion, lived: Callable[..., Case]
) -> None:
    assert len(lived(champion.rows[0], 50).frame) == champion.release.manifest.test_rows


def test_outcomes_of_no_class_judge_nobody(lived: Callable[..., Case], table: Any) -> None:
    assert lived(table(rows=120, seed=9), 50, odd="perhaps").where == TEST
