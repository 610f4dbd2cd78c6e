"""A release: everything that serving and watching one model needs, as signed files.

In: a fitted pipeline with its contract, test rows and evaluation. Out: a folder; and back, but only
if signature, sizes, hashes, types and golden rows are right, in this order.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline

from .. import NAME, VERSION
from .. import __name__ as PACKAGE
from ..data import contract as contracts
from ..data.contract import NAMED, Contract
from ..data.profile import CATEGORIES, Profile, profile
from ..data.rows import convert, frame_of, rows_of
from ..data.split import Split, check_unseen
from ..errors import CheckFailed
from ..evaluation.assess import Evaluation
from ..evaluation.problem import Problem
from ..evaluation.scores import guess_of, losses
from . import keys

FILES = (
    "model.skops",
    "contract.yaml",
    "reference.json",
    "golden.json",
    "holdout.csv.gz",
    "trained_on.npy",
    "evaluation.json",
)
LARGEST = 512 * 2**20  # bytes of one file
GOLDEN = 20
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
    f"{PACKAGE}.model.calibrate.Tempered",
]
# Transformers of the project are code under review as well: what features.py names is allowed.
FEATURES = f"{PACKAGE}.model.features."


@dataclass(frozen=True)
class Release:
    """A verified release in memory. facts: what the manifest says of its making."""

    path: Path
    model: Pipeline
    contract: Contract
    reference: dict[str, Any]
    evaluation: Evaluation
    facts: dict[str, Any]
    sha256: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes as guesses are ordered; the positive one last. Empty for regression."""
        return tuple(self.facts["classes"])


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def write(
    path: Path,
    model: Pipeline,
    problem: Problem,
    frame: pd.DataFrame,
    parts: Split,
    trained_on: np.ndarray,
    evaluation: Evaluation,
    facts: dict[str, Any],
) -> None:
    """Write and sign a release folder.

    frame: the typed rows that `parts` were cut from; trained_on: fingerprints, uint64, of the rows
    that the model was really fitted on.

    Raises:
        CheckFailed: a test row was trained on.

    """
    check_unseen(frame, parts, trained_on)
    contract, names = problem.contract, problem.classes
    path.mkdir(parents=True)
    test = frame.iloc[parts.test].reset_index(drop=True)
    guess = guess_of(model, test, names)
    loss = losses(problem.truth(test), guess)
    skops.io.dump(model, path / "model.skops")
    contracts.save(contract, path / "contract.yaml")
    seen = frame.iloc[np.concatenate([parts.train, parts.test])]
    _write_json(path / "reference.json", reference(test, seen, contract, loss))
    rows = rows_of(test[contract.features].head(GOLDEN))
    _write_json(path / "golden.json", {"rows": rows, "guess": guess[:GOLDEN].tolist()})
    test.to_csv(path / "holdout.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
    np.save(path / "trained_on.npy", np.sort(trained_on))
    _write_json(path / "evaluation.json", evaluation)
    sums = {name: digest((path / name).read_bytes()) for name in FILES}
    manifest = {"project": NAME, "version": VERSION, "classes": names, "files": sums} | facts
    content = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    (path / "manifest.json").write_bytes(content)
    (path / "manifest.sig").write_bytes(keys.sign(content, problem.settings.root))


def reference(
    test: pd.DataFrame, seen: pd.DataFrame, contract: Contract, loss: np.ndarray
) -> dict[str, Any]:
    """Return what a drift check compares with: a profile a feature, and the loss per row.

    Profiles are of the test rows; `known` are the categories among all rows `seen` in training and
    test, if they are few enough to be listed.
    """
    columns: dict[str, Profile] = {}
    for column in contract.named("feature"):
        columns[column.name] = profile(test[column.name], column)
        known = seen[column.name].dropna().unique()
        if column.kind in NAMED and len(known) <= CATEGORIES:
            columns[column.name]["known"] = sorted(map(str, known))
    return {
        "columns": columns,
        "loss": {"mean": float(loss.mean()), "variance": float(loss.var()), "rows": len(loss)},
    }


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def read(path: Path, root: Path) -> Release:
    """Verify, load and try a release folder; nothing is loaded before it is verified.

    Raises:
        CheckFailed: says which file or row is wrong, and in what.

    """
    manifest, content = _verified(path, root)
    release = Release(
        path=path,
        model=_load_model(path / "model.skops"),
        contract=contracts.load(path / "contract.yaml"),
        reference=json.loads((path / "reference.json").read_bytes()),
        evaluation=json.loads((path / "evaluation.json").read_bytes()),
        facts=manifest,
        sha256=digest(content),
    )
    check_golden(release)
    return release


def _load_model(path: Path) -> Pipeline:
    try:
        asked = skops.io.get_untrusted_types(file=path)
        unknown = [t for t in asked if t not in TRUSTED and not t.startswith(FEATURES)]
        if not unknown:
            return skops.io.load(path, trusted=asked)
    except Exception as error:  # whatever a broken file makes skops raise
        raise CheckFailed(f"{path.name} cannot be read: {type(error).__name__}: {error}") from None
    raise CheckFailed(f"{path.name} holds types that are not allowed: {', '.join(unknown)}")


def _verified(path: Path, root: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = (path / "manifest.json").read_bytes()
        keys.verify(content, (path / "manifest.sig").read_bytes(), root)
        manifest = json.loads(content)
        for name in FILES:
            if (path / name).stat().st_size > LARGEST:
                raise CheckFailed(f"{name} is larger than {LARGEST:,} bytes")
            if digest((path / name).read_bytes()) != manifest["files"][name]:
                raise CheckFailed(f"{name} is not the file that was signed")
    except OSError as error:
        raise CheckFailed(f"the release at {path} is not whole: {error}") from None
    if manifest["project"] != NAME:
        raise CheckFailed(f"the release is of project {manifest['project']!r}, not {NAME!r}")
    return manifest, content


def check_golden(release: Release) -> None:
    """Raise `CheckFailed` unless the model answers the golden rows as it did when trained."""
    golden = json.loads((release.path / "golden.json").read_bytes())
    frame = frame_of(release.contract, golden["rows"])
    guess = guess_of(release.model, frame, release.classes)
    far = ~np.isclose(guess, np.asarray(golden["guess"]), rtol=1e-9, atol=1e-12)
    if far.any():
        row = int(np.argwhere(far)[0][0]) + 1
        raise CheckFailed(f"golden row {row}: the model answers {guess[row - 1]}, not as trained")


def holdout(release: Release) -> pd.DataFrame:
    """Return the typed test rows of a release, the same for every model compared on them."""
    raw = pd.read_csv(
        release.path / "holdout.csv.gz", dtype=object, keep_default_na=False, na_values=[""]
    )
    typed = {}
    for column in release.contract.columns:
        if column.name in raw:
            typed[column.name] = convert(raw[column.name], column.but(format=""))
    return pd.DataFrame(typed)
