"""What a training was made of: rows, code and packages, so that it can be told and repeated.

In: the trial that was kept and its rows. Out: lineage for manifest, MLflow and card.
"""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..data.split import Split, fingerprints
from ..evaluation.assess import Evaluation, headline
from ..evaluation.explain import typical_row
from ..evaluation.task import Task
from ..ledger import now
from ..release.bundle import digest
from .select import Selected


def lineage(
    selected: Selected, evaluation: Evaluation, frame: pd.DataFrame, parts: Split, task: Task
) -> dict[str, Any]:
    """Return where a model comes from; frame: the typed rows that `parts` were cut from."""
    root, marks = task.settings.root, fingerprints(frame)
    return {
        "candidate": selected.candidate,
        "params": dict(selected.params),
        "headline": headline(evaluation),
        "rows": len(frame),
        "train_rows": len(parts.train),
        "test_rows": len(parts.test),
        "trained_at": now().isoformat(),
        # Test rows that stand among the training rows too, word for word: the gate allows so many.
        "duplicate_rows": int(np.isin(marks[parts.test], marks[parts.train]).sum()),
        "test_sha256": digest(np.sort(marks[parts.test]).tobytes()),
        "rows_sha256": digest(np.sort(marks).tobytes()),
        "git_commit": _git_commit(root),
        "lock_sha256": _lock_digest(root),
        "typical_row": typical_row(frame.iloc[parts.train], task.contract),
    }


def _git_commit(root: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not in git"
    return done.stdout.strip()


def _lock_digest(root: Path) -> str:
    lock = root / "requirements" / "dev.lock"
    return digest(lock.read_bytes()) if lock.is_file() else "no lock file"
