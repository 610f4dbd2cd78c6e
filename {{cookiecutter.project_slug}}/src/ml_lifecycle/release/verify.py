"""Whether the files of a folder are those that were signed; nothing is loaded before it is known.

In: a folder that anybody may have written to. Out: the bytes that were hashed, and no others: what
is loaded is what was verified.
"""

import gzip
import io
import zipfile
from pathlib import Path

from pydantic import ValidationError

from ..digest import sha256
from ..errors import CheckFailed
from ..files import FILES, LATER, regular
from ..project import Project
from .keys import verify
from .lineage import Lineage

EXPANDED = 2**30  # bytes of an archive's content
MEMBERS = 100_000  # of an archive


class Manifest(Lineage):
    """What the manifest must say; more may stand in it."""

    project: str
    package_version: str
    run_id: str
    classes: tuple[str, ...]
    files: dict[str, str]


def read_manifest(
    path: Path, project: Project, run_id: str | None = None, expected: str | None = None
) -> tuple[Manifest, str]:
    """Return what the release at `path` says of itself, and the SHA-256 of that.

    run_id: the run that it must be of; expected: what its manifest must hash to; None: any.

    Raises:
        CheckFailed: it is not signed by a key of ours, is another release, or makes no sense.

    """
    content = regular(path / "manifest.json")
    verify(content, regular(path / "manifest.sig"), project.root)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        what = ": ".join([*map(str, first["loc"]), first["msg"]])
        raise CheckFailed(f"manifest.json makes no sense: {what}") from None
    if set(FILES) != set(manifest.files) - set(LATER):
        raise CheckFailed("manifest.json makes no sense: it names other files than a release has")
    if manifest.project != project.name:
        raise CheckFailed(f"the release is of project {manifest.project!r}, not {project.name!r}")
    if run_id not in (None, manifest.run_id):
        raise CheckFailed(f"the release is of run {manifest.run_id}, not of {run_id}: replayed")
    if expected not in (None, sha256(content)):
        raise CheckFailed(f"manifest.json has SHA-256 {sha256(content)}, not {expected}: replayed")
    return manifest, sha256(content)


def signed_file(path: Path, name: str, files: dict[str, str]) -> bytes:
    """Return a file of the release at `path`, if it is the one that the manifest's `files` name."""
    content = regular(path / name)
    if sha256(content) != files.get(name):
        raise CheckFailed(f"{name} is not the file that was signed")
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
