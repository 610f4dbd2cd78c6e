"""Bring the files of a release from where the registry keeps them; what they hold is not asked.

In: a run. Out: a folder with the named files, and nothing else that lies beside them. From a disk
they are copied. From elsewhere another process brings them, which ends at the deadline whatever a
server does, and to which the system gives no more disk than the cap whatever a server claims.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from .errors import CheckFailed, WorldBroken
from .files import LARGEST, LATER, NAMES, regular

FOLDER = "release"
SECONDS = 60.0
MEMORY = 2 * 2**30  # bytes of address space for the process that downloads


def local(uri: str) -> Path | None:
    """Return the folder of the artifacts at `uri`, None if they are not on a disk here."""
    parsed = urlparse(uri)
    if parsed.scheme not in ("", "file"):
        return None
    return Path(unquote(parsed.path) if parsed.scheme else uri)


def copy(source: Path, into: Path) -> None:
    """Copy the files of a release, following no links and waiting for no pipes."""
    for name in NAMES:
        if name not in LATER or os.path.lexists(source / name):
            (into / name).write_bytes(regular(source / name))


def download(tracking_uri: str, run_id: str, into: Path, seconds: float) -> None:
    """Let another process bring the files of a run's release within `seconds` in all.

    Raises:
        WorldBroken: they do not come, or too slowly.
        CheckFailed: one of them is missing, or larger than the cap.

    """
    # -P: a folder called like a library, where this runs, is not one. The URL may hold a password,
    # and other people can read the arguments of a process.
    command = [sys.executable, "-P", "-m", __name__, run_id, str(into), str(LARGEST)]
    env = os.environ | {"MLFLOW_TRACKING_URI": tracking_uri}
    try:
        ended = subprocess.run(command, env=env, timeout=seconds, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        raise WorldBroken(f"it does not come whole within {seconds:g} seconds") from None
    said = ended.stdout.decode(errors="replace").strip() or f"ended with {ended.returncode}"
    if ended.returncode == CheckFailed.exit_code:
        raise CheckFailed(said)
    if ended.returncode:
        raise WorldBroken(f"it cannot be fetched: {said}")


def replace(made: Path, home: Path) -> None:
    """Put the verified folder `made` in the place of `home`, which is set aside if it is there."""
    if home.exists():
        home.rename(tempfile.mkdtemp(prefix=f"{home.name}.refused-", dir=home.parent))
    try:
        made.rename(home)
    except OSError:  # another process was faster
        if not home.is_dir():
            raise


def brief(error: object) -> str:
    """Return the first line of an error or text, without the password that a URL may carry."""
    first = [*str(error).splitlines(), type(error).__name__][0]
    return re.sub(r"//[^@/ ]*@", "//***@", first)[:500]


def _bring(run_id: str, into: Path, most: int) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.tracking import MlflowClient

    uri = MlflowClient().get_run(run_id).info.artifact_uri
    folder = local(uri)
    if folder:
        copy(folder / FOLDER, into)
        return
    # The cap is the system's: no file that this process writes grows beyond it.
    _limit(resource.RLIMIT_FSIZE, most + 1)
    store = get_artifact_repository(uri)
    for name in NAMES:
        _bring_one(store, name, into, most)


def _bring_one(store: Any, name: str, into: Path, most: int) -> None:
    """Bring a file by its name; the public way would ask the server what there is, and take all."""
    path = into / name
    try:
        store._download_file(f"{FOLDER}/{name}", str(path))
    except Exception as error:
        if path.exists() and path.stat().st_size > most:
            raise CheckFailed(f"{name} is larger than {most:,} bytes") from None
        if re.search(r"\b404\b", str(error)):
            if name in LATER:
                return  # The manifest says whether it has to be there.
            raise CheckFailed(f"{name} is missing: the release is not whole") from None
        raise WorldBroken(f"{name}: {brief(error)}") from None


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _main() -> int:
    _limit(resource.RLIMIT_AS, MEMORY)
    try:
        _bring(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    except CheckFailed as error:
        print(error)
        return CheckFailed.exit_code
    except Exception as error:
        print(brief(error))
        return WorldBroken.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main())
