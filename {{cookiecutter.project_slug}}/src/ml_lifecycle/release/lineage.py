"""What a training was made of: rows, code and packages, so that it can be told and repeated.

In: the trial that was kept and its rows. Out: a `Lineage` for manifest, MLflow and card.
"""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict

from ..data.contract import Contract
from ..data.split import Split, row_hashes
from ..digest import sha256
from ..evaluation.explain import Row, typical_row


class Lineage(BaseModel):
    """Where a model comes from.

    duplicate_rows: test rows that their judge was fitted on too, word for word: the gate allows so
    many; fitted_rows: what serves was fitted on; recipe: digests, by part, of what decides how a
    model is made: a model of the same recipe on newer rows is a refresh; typical_row: median or
    commonest values of the training rows.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    candidate: str
    params: dict[str, Any]
    headline: str
    rows: int
    train_rows: int
    test_rows: int
    fitted_rows: int = 0
    trained_at: AwareDatetime
    duplicate_rows: int
    test_sha256: str
    rows_sha256: str
    git_commit: str
    lock_sha256: str
    typical_row: Row
    recipe: dict[str, str] = {}

    @classmethod
    def of(
        cls,
        root: Path,
        candidate: str,
        params: Mapping[str, Any],
        headline: str,
        frame: pd.DataFrame,
        split: Split,
        contract: Contract,
        fitted_rows: int,
        recipe: Mapping[str, str],
    ) -> "Lineage":
        """Return where a model comes from.

        root: the project's folder; frame: the typed rows that `split` cuts.
        """
        marks = row_hashes(frame)
        twins = [np.isin(marks[judged], marks[fitted]).sum() for fitted, judged in split.folds]
        return cls(
            candidate=candidate,
            params=dict(params),
            headline=headline,
            rows=len(frame),
            train_rows=len(split.train),
            test_rows=len(split.test),
            fitted_rows=fitted_rows,
            trained_at=datetime.now(UTC),
            duplicate_rows=int(sum(twins)),
            test_sha256=sha256(np.sort(marks[split.test]).tobytes()),
            rows_sha256=sha256(np.sort(marks).tobytes()),
            git_commit=_git_commit(root),
            lock_sha256=_lock_sha256(root),
            typical_row=typical_row(frame.iloc[split.train], contract),
            recipe=dict(recipe),
        )


def _git_commit(root: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not in git"
    return done.stdout.strip()


def _lock_sha256(root: Path) -> str:
    lock = root / "requirements" / "dev.lock"
    return sha256(lock.read_bytes()) if lock.is_file() else "no lock file"
