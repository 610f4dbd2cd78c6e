"""A release: everything that serving and watching one model needs, as signed files.

In: a fitted pipeline with its contract, test rows and evaluation. Out: a folder; and back, but only
if signature, sizes, hashes, types and golden rows are right, in this order.
"""

import importlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import skops.io
import yaml
from sklearn.pipeline import Pipeline

from .. import NAME, VERSION
from .. import __name__ as PACKAGE
from ..data import contract as contracts
from ..data.contract import NUMERIC, Contract
from ..data.limits import servable
from ..data.profile import Profile, cells, news, once_a_group, profile
from ..data.rows import as_json, convert, to_frame, to_records
from ..data.split import Split, check_unseen
from ..errors import CheckFailed
from ..evaluation.assess import Evaluation
from ..evaluation.scores import losses, predict_scores
from ..evaluation.task import Task
from . import keys, verify
from .verify import FILES, digest

GOLDEN = 20
Made = TypeVar("Made")
# The types that a release may hold beyond those that skops trusts by itself. They are named here,
# in code under review, and never read from the release: an attacker would name his own.
TRUSTED = [
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
    f"{PACKAGE}.model.calibrate.TemperatureScaledClassifier",
]
# Transformers of the project are code under review as well: what features.py defines is allowed.
FEATURES = f"{PACKAGE}.model.features."


@dataclass(frozen=True)
class Release:
    """A verified release in memory. lineage: what the manifest says of its making."""

    path: Path
    model: Pipeline
    contract: Contract
    reference: dict[str, Any]
    evaluation: Evaluation
    lineage: dict[str, Any]
    sha256: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes as guesses are ordered; the positive one last. Empty for regression."""
        return tuple(self.lineage["classes"])


def write(
    path: Path,
    model: Pipeline,
    task: Task,
    frame: pd.DataFrame,
    parts: Split,
    trained_on: np.ndarray,
    evaluation: Evaluation,
    lineage: dict[str, Any],
    run_id: str,
) -> None:
    """Write and sign a release folder.

    frame: the typed rows that `parts` were cut from; trained_on: fingerprints, uint64, of the rows
    that the model was really fitted on; run_id: MLflow's run, which the release is bound to.

    Raises:
        CheckFailed: a test row was trained on; the model holds a type that no reader would load.

    """
    check_unseen(frame, parts, trained_on)
    contract, names = task.contract, task.classes
    path.mkdir(parents=True)
    test = frame.iloc[parts.test].reset_index(drop=True)
    y_pred = predict_scores(model, test, names)
    loss = losses(task.y_true(test), y_pred)
    skops.io.dump(model, path / "model.skops")
    if unknown := _types((path / "model.skops").read_bytes())[1]:
        lines = "\n".join(f'    "{name}",' for name in unknown)
        raise CheckFailed(
            "nobody could load this model: it holds types that are not on the list. Read what each "
            f"does when it is loaded, then add to TRUSTED in release/bundle.py:\n{lines}"
        )
    contracts.save(contract, path / "contract.yaml")
    known = reference(test, frame.iloc[parts.train], contract, loss)
    _write_json(path / "reference.json", known)
    tried = np.flatnonzero(servable(test, contract, task.settings.service))[:GOLDEN]
    rows = to_records(test[contract.features].iloc[tried])
    _write_json(path / "golden.json", {"rows": rows, "y_pred": y_pred[tried].tolist()})
    test.to_csv(path / "holdout.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
    np.save(path / "trained_on.npy", np.sort(trained_on))
    _write_json(path / "evaluation.json", evaluation)
    sums = {name: digest((path / name).read_bytes()) for name in FILES}
    manifest = lineage | {"project": NAME, "package_version": VERSION, "run_id": run_id}
    manifest |= {"classes": names, "files": sums}
    content = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    (path / "manifest.json").write_bytes(content)
    (path / "manifest.sig").write_bytes(keys.sign(content, task.settings.root))


def reference(
    test: pd.DataFrame, train: pd.DataFrame, contract: Contract, loss: np.ndarray
) -> dict[str, Any]:
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
        if "counts" in columns[column.name] and column.kind not in NUMERIC:
            once = once_a_group(before, others), once_a_group(values, groups)
            columns[column.name]["seen"] = news(*once)
    return {
        "columns": columns,
        "loss": {"mean": float(loss.mean()), "variance": float(loss.var()), "rows": len(loss)},
    }


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def read(path: Path, root: Path, run_id: str | None = None, sha256: str | None = None) -> Release:
    """Verify, load and try a release folder; nothing is loaded before it is verified.

    run_id: the run that it must be of; sha256: what its manifest must hash to; None: any.

    Raises:
        CheckFailed: says which file or row is wrong, and in what.

    """
    lineage, sha256 = verify.manifest(path, root, run_id, sha256)
    files = {name: verify.signed(path, name, lineage["files"]) for name in FILES}
    release = Release(
        path=path,
        model=_made("model.skops", _model, files["model.skops"]),
        contract=_made("contract.yaml", _contract, files["contract.yaml"]),
        reference=_made("reference.json", _object, files["reference.json"]),
        evaluation=_made("evaluation.json", _object, files["evaluation.json"]),
        lineage=lineage,
        sha256=sha256,
    )
    _made("golden.json", lambda content: check_golden(release, content), files["golden.json"])
    return release


def content(release: Release, name: str) -> bytes:
    """Return a file of a release, read and verified now: it may have changed since the loading."""
    return verify.signed(release.path, name, release.lineage["files"])


def _made(name: str, make: Callable[[bytes], Made], signed: bytes) -> Made:
    try:
        return make(signed)
    except CheckFailed:
        raise
    except Exception as error:  # whatever a broken file makes its reader raise
        text = str(error).partition("\n")[0]
        raise CheckFailed(f"{name} cannot be read: {type(error).__name__}: {text}") from None


def _model(content: bytes) -> Pipeline:
    verify.check_members("model.skops", content)
    asked, unknown = _types(content)
    if unknown:
        raise CheckFailed(f"model.skops holds types that are not allowed: {', '.join(unknown)}")
    return skops.io.loads(content, trusted=asked)


def _types(content: bytes) -> tuple[list[str], list[str]]:
    """Return the types in a model that skops does not trust, and those that we do not either."""
    asked = skops.io.get_untrusted_types(data=content)
    return asked, [name for name in asked if name not in TRUSTED and not _ours(name)]


def _ours(name: str) -> bool:
    """Return whether features.py itself defines `name`: what it imports is not meant."""
    if not name.startswith(FEATURES):
        return False
    found = getattr(importlib.import_module(FEATURES[:-1]), name.removeprefix(FEATURES), None)
    return getattr(found, "__module__", "") == FEATURES[:-1]


def _contract(content: bytes) -> Contract:
    given = yaml.safe_load(content)
    return Contract.model_validate(given | {"columns": tuple(given["columns"])})


def _object(content: bytes) -> Any:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise TypeError("it is no object")
    return found


def check_golden(release: Release, content: bytes) -> None:
    """Raise `CheckFailed` unless the model answers the golden rows as it did when trained."""
    golden = json.loads(content)
    frame = to_frame(release.contract, golden["rows"])
    y_pred = predict_scores(release.model, frame, release.classes)
    far = ~np.isclose(y_pred, np.asarray(golden["y_pred"]), rtol=1e-9, atol=1e-12)
    if far.any():
        row = int(np.argwhere(far)[0][0]) + 1
        raise CheckFailed(f"golden row {row}: the model answers {y_pred[row - 1]}, not as trained")


def golden(release: Release) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the golden rows as JSON values, and the guess that was made of them when trained."""
    found = json.loads(content(release, "golden.json"))
    return found["rows"], found["y_pred"]


def trained_on(release: Release) -> np.ndarray:
    """Return the fingerprints, uint64, of the rows that the model was fitted on."""
    signed = content(release, "trained_on.npy")
    return _made("trained_on.npy", lambda b: np.load(io.BytesIO(b), allow_pickle=False), signed)


def holdout(release: Release) -> pd.DataFrame:
    """Return the typed test rows of a release, the same for every model compared on them."""
    signed = content(release, "holdout.csv.gz")
    return _made("holdout.csv.gz", lambda b: _rows(b, release.contract), signed)


def _rows(content: bytes, contract: Contract) -> pd.DataFrame:
    text = io.BytesIO(verify.gunzip("holdout.csv.gz", content))
    raw = pd.read_csv(text, dtype=object, keep_default_na=False, na_values=[""])
    typed = {}
    for column in contract.columns:
        if column.name in raw:
            typed[column.name] = convert(raw[column.name], as_json(column))
    return pd.DataFrame(typed)
