"""Files that other processes, or other people, may have written to.

In: paths. Out: the content of a regular file of no more than a cap; a lock between processes. And
the names of the files that a release consists of.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import CheckFailed, WorldBroken

FILES = (
    "model.skops",
    "contract.yaml",
    "reference.json",
    "golden.json",
    "holdout.csv.gz",
    "trained_on.npy",
    "evaluation.json",
)
# Of releases that were fitted again after they were judged.
JUDGED, JUDGES = "judged.npz", "judges.skops"
LATER = JUDGED, JUDGES
NAMES = ("manifest.json", "manifest.sig", *FILES, *LATER)
LARGEST = 512 * 2**20  # bytes of one file


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


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until nobody else, thread or process, is within `alone(path)`; a missing file is made.

    The lock is the operating system's (flock): who is killed lets go of it.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
