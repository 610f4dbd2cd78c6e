"""What code this is, told by its content.

In: folders of code. Out: digests, by which a project knows the library that it was made with, and
the search the trials that this code gave.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def digest(folder: Path | None = None) -> str:
    """Return the SHA-256 of all files of a package but what Python itself writes there.

    folder: of the package; default: this one.

    >>> len(digest())
    64
    """
    root = folder or Path(__file__).parent
    return _of(root, (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts))


def code_digest(recipe: Path) -> str:
    """Return the SHA-256 of the code that a trial of the search depends on.

    recipe: the folder of the project's own package; its modules count, and the whole library: what
    a score is and how rows are cut is there.
    """
    return sha256((_of(recipe, recipe.rglob("*.py")) + digest()).encode())


def _of(root: Path, files: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(files):
        # The line ends of a checkout are no difference.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        found.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()
