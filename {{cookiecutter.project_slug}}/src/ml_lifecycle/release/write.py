"""Write and sign a release folder.

In: a fitted pipeline, the rows that it was fitted and judged on, and all that is known of it. Out:
the files of `verify.FILES`, a manifest with their hashes, and its signature.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline

from ..data.contract import NUMERIC, Contract, save_contract
from ..data.limits import Limits, servable
from ..data.profile import Profile, cells, news, once_a_group, profile
from ..data.rows import to_records
from ..data.split import Split, check_unseen, row_hashes
from ..digest import sha256
from ..errors import CheckFailed
from ..evaluation.evaluation import Evaluation
from ..evaluation.scored import Judge, judged
from ..evaluation.scores import losses, predict_scores
from ..evaluation.task import Task
from ..files import FILES, JUDGED, JUDGES, LATER
from ..project import Project
from .bundle import Golden, Judgement, MeanLoss, Reference
from .keys import sign
from .lineage import Lineage
from .trust import TrustPolicy
from .verify import Manifest

GOLDEN_ROWS = 20


@dataclass(frozen=True)
class Trained:
    """A fitted model and all that a release of it is made from.

    model: what serves; judges: what its test rows were judged by, each with its fingerprints;
    frame: the typed rows that `split` cuts; trained_on: fingerprints, uint64, of the rows that
    `model` was really fitted on.
    """

    model: Pipeline
    judges: Sequence[Judge]
    task: Task
    frame: pd.DataFrame
    split: Split
    trained_on: np.ndarray
    evaluation: Evaluation
    lineage: Lineage


def write_release(
    path: Path, trained: Trained, project: Project, trust: TrustPolicy, limits: Limits, run_id: str
) -> None:
    """Write and sign a release folder; run_id: MLflow's run, which the release is bound to.

    Raises:
        CheckFailed: a test row was judged by a model that was fitted on it; the model holds a type
        that no reader would load.

    """
    frame, split, task = trained.frame, trained.split, trained.task
    check_unseen(frame, split, [judge.seen for judge in trained.judges])
    path.mkdir(parents=True)
    test = frame.iloc[split.test].reset_index(drop=True)
    honest = judged(trained.judges, test, task.classes)
    _write_judged(path, honest, trained)
    skops.io.dump(trained.model, path / "model.skops")
    check_types((path / "model.skops").read_bytes(), trust)
    save_contract(task.contract, path / "contract.yaml")
    loss = losses(task.y_true(test), honest)
    known = reference(test, frame.iloc[split.train], task.contract, loss)
    _write_json(path / "reference.json", asdict(known))
    tried = np.flatnonzero(servable(test, task.contract, limits))[:GOLDEN_ROWS]
    rows = to_records(test[task.contract.features].iloc[tried])
    y_pred = predict_scores(trained.model, test.iloc[tried], task.classes)
    _write_json(path / "golden.json", asdict(Golden(rows, y_pred.tolist())))
    test.to_csv(path / "holdout.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
    np.save(path / "trained_on.npy", np.sort(trained.trained_on))
    (path / "evaluation.json").write_text(trained.evaluation.to_json(), encoding="utf-8")
    _sign(path, trained, project, run_id)


def _write_judged(path: Path, y_pred: np.ndarray, trained: Trained) -> None:
    """Write what was said of the test rows, and the models that said it, if they do not serve."""
    judges, group = trained.judges, trained.task.contract.group
    judge = np.empty(len(y_pred), dtype="int16")
    for number, one in enumerate(judges):
        judge[one.rows] = number
    keys = row_hashes(trained.frame[[group]]) if group else np.empty(0, dtype="uint64")
    groups = [np.unique(keys[fitted]) if group else keys for fitted, _ in trained.split.folds]
    arrays = (*_by_judge([one.seen for one in judges]), *_by_judge(groups))
    np.savez_compressed(path / JUDGED, **vars(Judgement(y_pred, judge, *arrays)))
    if trained.model is not judges[0].model:
        skops.io.dump([one.model for one in judges], path / JUDGES)


def _by_judge(marks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the marks of all judges in a row, and the number of the judge of each."""
    numbers = np.repeat(np.arange(len(marks), dtype="int16"), [len(one) for one in marks])
    return np.concatenate(marks), numbers


def _sign(path: Path, trained: Trained, project: Project, run_id: str) -> None:
    there = [name for name in (*FILES, *LATER) if (path / name).exists()]
    manifest = Manifest(
        **vars(trained.lineage),
        project=project.name,
        package_version=project.version,
        run_id=run_id,
        classes=trained.task.classes,
        files={name: sha256((path / name).read_bytes()) for name in there},
    )
    content = manifest.model_dump_json(indent=1).encode()
    (path / "manifest.json").write_bytes(content)
    (path / "manifest.sig").write_bytes(sign(content, project.root))


def check_types(model: bytes, trust: TrustPolicy) -> None:
    """Raise `CheckFailed` with the lines to add if a written model holds types not on the list."""
    if unknown := trust.types_in(model)[1]:
        lines = "\n".join(f'    "{name}",' for name in unknown)
        raise CheckFailed(
            "nobody could load this model: it holds types that are not on the list. Read what each "
            f"does when it is loaded, then add to TRUSTED in candidates.py:\n{lines}"
        )


def reference(
    test: pd.DataFrame, train: pd.DataFrame, contract: Contract, loss: np.ndarray
) -> Reference:
    """Return what a drift check compares with: a profile a feature, and the loss per row.

    Profiles count the test rows, by categories and words that were chosen on the training rows;
    categories also have `seen`: all that either had.
    """
    moments = next((test[c.name] for c in contract.with_role("time") if c.kind == "date"), None)
    groups, others = (
        next((part[c.name] for c in contract.with_role("group") if c.name in part), None)
        for part in (test, train)
    )
    columns: dict[str, Profile] = {}
    for column in contract.with_role("feature"):
        before, values = train[column.name], test[column.name]
        columns[column.name] = profile(values, column, cells(before, column), moments, groups)
        if columns[column.name].counts and column.kind not in (*NUMERIC, "text"):
            seen = news(once_a_group(before, others), once_a_group(values, groups))
            columns[column.name] = replace(columns[column.name], seen=seen)
    return Reference(columns, MeanLoss(float(loss.mean()), float(loss.var()), len(loss)))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
