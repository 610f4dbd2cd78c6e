"""Whether the files of a folder are those that were signed; nothing is loaded before it is known.

In: a folder that anybody may have written to. Out: the bytes that were hashed, and no others: what
is loaded is what was verified.
"""

import errno
import gzip
import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from .. import NAME
from ..errors import CheckFailed, WorldBroken
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
NAMES = ("manifest.json", "manifest.sig", *FILES)
LARGEST = 512 * 2**20  # bytes of one file
EXPANDED = 2**30  # bytes of an archive's content
MEMBERS = 100_000  # of an archive


class Manifest(BaseModel):
    """What the manifest must say; more may stand in it."""

    model_config = ConfigDict(strict=True, extra="allow")

    project: str
    package_version: str
    run_id: str
    classes: list[str]
    files: dict[str, str]
    candidate: str
    headline: str
    rows: int
    params: dict[str, Any]
    typical_row: dict[str, Any]
    trained_at: AwareDatetime
    duplicate_rows: int
    test_sha256: str
    rows_sha256: str
    git_commit: str
    lock_sha256: str


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def manifest(
    path: Path, root: Path, run_id: str | None = None, sha256: str | None = None
) -> tuple[dict[str, Any], str]:
    """Return what the release at `path` says of itself, and the SHA-256 of that.

    run_id: the run that it must be of; sha256: what its manifest must hash to; None: any.

    Raises:
        CheckFailed: it is not signed by a key of ours, is another release, or makes no sense.

    """
    content = regular(path / "manifest.json")
    keys.verify(content, regular(path / "manifest.sig"), root)
    try:
        lineage = Manifest.model_validate_json(content).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        what = ": ".join([*map(str, first["loc"]), first["msg"]])
        raise CheckFailed(f"manifest.json makes no sense: {what}") from None
    if set(lineage["files"]) != set(FILES):
        raise CheckFailed("manifest.json makes no sense: it names other files than a release has")
    if lineage["project"] != NAME:
        raise CheckFailed(f"the release is of project {lineage['project']!r}, not {NAME!r}")
    if run_id not in (None, lineage["run_id"]):
        raise CheckFailed(f"the release is of run {lineage['run_id']}, not of {run_id}: replayed")
    if sha256 not in (None, digest(content)):
        raise CheckFailed(f"manifest.json has SHA-256 {digest(content)}, not {sha256}: replayed")
    return lineage, digest(content)


def signed(path: Path, name: str, files: dict[str, str]) -> bytes:
    """Return a file of the release at `path`, if it is the one that the manifest's `files` name."""
    content = regular(path / name)
    if digest(content) != files.get(name):
        raise CheckFailed(f"{name} is not the file that was signed")
    return content


def regular(path: Path, most: int | None = None) -> bytes:
    """Return the content of a regular file, opened once; no link is followed, no pipe waited for.

    Raises:
        CheckFailed: it is missing, something else than a file, or larger than `most` bytes.
        WorldBroken: it cannot be read.

    """
    most = LARGEST if most is None else most
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", closefd=True) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CheckFailed(f"{path.name} is not a regular file")
            content = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckFailed(f"{path.name} is missing: the release is not whole") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise CheckFailed(f"{path.name} is not a regular file") from None
        raise WorldBroken(f"{path.name} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise CheckFailed(f"{path.name} is larger than {most:,} bytes")
    return content


def check_members(name: str, content: bytes) -> None:
    """Raise `CheckFailed` if a zip holds too many members or says that it expands to too much.

    zipfile never reads more of a member than the size that it was said to have.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    if len(members) > MEMBERS:
        raise CheckFailed(f"{name} has more than {MEMBERS:,} members")
    if sum(member.file_size for member in members) > EXPANDED:
        raise CheckFailed(f"{name} expands to more than {EXPANDED:,} bytes")


def gunzip(name: str, content: bytes) -> bytes:
    """Return what a gzip holds, if that is no more than `EXPANDED` bytes."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        expanded = file.read(EXPANDED + 1)
    if len(expanded) > EXPANDED:
        raise CheckFailed(f"{name} expands to more than {EXPANDED:,} bytes")
    return expanded
