"""A release: everything that serving and watching one model needs, as signed files.

In: a folder that `write` made, and that anybody may have written to since. Out: a `Release`, but
only if signature, sizes, hashes, types and golden rows are right, in this order.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import skops.io
import yaml
from pydantic import TypeAdapter
from sklearn.pipeline import Pipeline

from ..data.contract import Contract
from ..data.profile import Profile
from ..data.rows import as_json, convert, to_frame
from ..errors import CheckFailed
from ..evaluation.evaluation import Evaluation
from ..evaluation.scores import predict_scores
from ..files import JUDGED, JUDGES
from ..project import Project
from .trust import TrustPolicy
from .verify import Manifest, check_members, gunzip, read_manifest, signed_file

Made = TypeVar("Made")


@dataclass(frozen=True)
class MeanLoss:
    """The loss of the test rows: mean and variance of a row's (Brier's, or squared error)."""

    mean: float
    variance: float
    rows: int


@dataclass(frozen=True)
class Reference:
    """What a window of served rows is compared with: a profile a feature, and the loss."""

    columns: dict[str, Profile]
    loss: MeanLoss


@dataclass(frozen=True)
class Golden:
    """Test rows as JSON values, and what the model said of them when it was trained."""

    rows: list[dict[str, Any]]
    y_pred: list[Any]


@dataclass(frozen=True)
class Judgement:
    """What was said of each test row by a model that had not seen it.

    y_pred: (rows,) or (rows, classes); judge: (rows,) which model said it; seen, seen_by: the
    fingerprints, uint64, of the rows that each of these models was fitted on; groups, groups_by:
    those of their groups, where there are any.
    """

    y_pred: np.ndarray
    judge: np.ndarray
    seen: np.ndarray
    seen_by: np.ndarray
    groups: np.ndarray
    groups_by: np.ndarray

    def leaked(self, marks: np.ndarray) -> np.ndarray:
        """Return, (rows,) bool, which test rows, by fingerprint, their own judge was fitted on."""
        found = np.zeros(len(marks), dtype=bool)
        for number in np.unique(self.judge):
            mine = self.judge == number
            found[mine] = np.isin(marks[mine], self.seen[self.seen_by == number])
        return found


@dataclass(frozen=True)
class Release:
    """A verified release in memory."""

    path: Path
    model: Pipeline
    contract: Contract
    reference: Reference
    evaluation: Evaluation
    manifest: Manifest
    sha256: str
    trust: TrustPolicy

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes as y_pred is ordered; the positive one last. Empty for regression."""
        return self.manifest.classes


REFERENCE, GOLDEN = TypeAdapter(Reference), TypeAdapter(Golden)


def read_release(
    path: Path,
    project: Project,
    trust: TrustPolicy,
    run_id: str | None = None,
    expected: str | None = None,
) -> Release:
    """Verify, load and try a release folder; nothing is loaded before it is verified.

    run_id: the run that it must be of; expected: what its manifest must hash to; None: any.

    Raises:
        CheckFailed: says which file or row is wrong, and in what.

    """
    manifest, sha256 = read_manifest(path, project, run_id, expected)
    files = {name: signed_file(path, name, manifest.files) for name in manifest.files}
    release = Release(
        path=path,
        model=_made("model.skops", lambda content: _model(content, trust), files["model.skops"]),
        contract=_made("contract.yaml", _contract, files["contract.yaml"]),
        reference=_made("reference.json", REFERENCE.validate_json, files["reference.json"]),
        evaluation=_made("evaluation.json", Evaluation.from_json, files["evaluation.json"]),
        manifest=manifest,
        sha256=sha256,
        trust=trust,
    )
    _made("golden.json", lambda content: check_golden(release, content), files["golden.json"])
    return release


def check_golden(release: Release, content: bytes) -> None:
    """Raise `CheckFailed` unless the model answers the golden rows as it did when trained."""
    known = GOLDEN.validate_json(content)
    y_pred = predict_scores(release.model, to_frame(release.contract, known.rows), release.classes)
    far = ~np.isclose(y_pred, np.asarray(known.y_pred), rtol=1e-9, atol=1e-12)
    if far.any():
        row = int(np.argwhere(far)[0][0]) + 1
        raise CheckFailed(f"golden row {row}: the model answers {y_pred[row - 1]}, not as trained")


def golden(release: Release) -> Golden:
    """Return the golden rows, and what was said of them when the model was trained."""
    return GOLDEN.validate_json(_content(release, "golden.json"))


def trained_on(release: Release) -> np.ndarray:
    """Return the fingerprints, uint64, of the rows that the model was fitted on."""
    signed = _content(release, "trained_on.npy")
    return _made("trained_on.npy", lambda b: np.load(io.BytesIO(b), allow_pickle=False), signed)


def judgement(release: Release) -> Judgement | None:
    """Return what was said of the test rows; None of a release that is what was judged itself."""
    if JUDGED not in release.manifest.files:
        return None
    return _made(JUDGED, _judged, _content(release, JUDGED))


def judges(release: Release) -> list[Pipeline]:
    """Return the models that judged the test rows; what serves, of a release that has no others."""
    if JUDGES not in release.manifest.files:
        return [release.model]
    return _made(JUDGES, lambda b: _model(b, release.trust), _content(release, JUDGES))


def holdout(release: Release) -> pd.DataFrame:
    """Return the typed test rows of a release, the same for every model compared on them."""
    signed = _content(release, "holdout.csv.gz")
    return _made("holdout.csv.gz", lambda b: _rows(b, release.contract), signed)


def _content(release: Release, name: str) -> bytes:
    """Return a file of a release, read and verified now: it may have changed since the loading."""
    return signed_file(release.path, name, release.manifest.files)


def _made(name: str, make: Callable[[bytes], Made], signed: bytes) -> Made:
    try:
        return make(signed)
    except CheckFailed:
        raise
    except Exception as error:  # whatever a broken file makes its reader raise
        text = str(error).partition("\n")[0]
        raise CheckFailed(f"{name} cannot be read: {type(error).__name__}: {text}") from None


def _model(content: bytes, trust: TrustPolicy) -> Any:
    check_members("model.skops", content)
    asked, unknown = trust.types_in(content)
    if unknown:
        raise CheckFailed(f"model.skops holds types that are not allowed: {', '.join(unknown)}")
    return skops.io.loads(content, trusted=asked)


def _judged(content: bytes) -> Judgement:
    check_members(JUDGED, content)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Judgement(**arrays)


def _contract(content: bytes) -> Contract:
    given = yaml.safe_load(content)
    return Contract.model_validate(given | {"columns": tuple(given["columns"])})


def _rows(content: bytes, contract: Contract) -> pd.DataFrame:
    text = io.BytesIO(gunzip("holdout.csv.gz", content))
    raw = pd.read_csv(text, dtype=object, keep_default_na=False, na_values=[""])
    known = [column for column in contract.columns if column.name in raw]
    return pd.DataFrame({c.name: convert(raw[c.name], as_json(c)) for c in known})
