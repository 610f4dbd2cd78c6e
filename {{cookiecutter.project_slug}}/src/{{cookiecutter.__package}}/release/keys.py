"""The keys of releases: one signs, any of those that verify may answer. Ed25519 (RFC 8032).

In: RELEASE_SIGNING_KEY and RELEASE_VERIFY_KEY (32 bytes in hex; the latter may list several), else
the files in `keys/`, which a laptop's first training makes. The registry never holds a private key.
"""

import logging
import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import CheckFailed, WrongUse
from .lock import alone

SIGNING, VERIFY = "RELEASE_SIGNING_KEY", "RELEASE_VERIFY_KEY"
log = logging.getLogger(__name__)


def sign(content: bytes, root: Path) -> bytes:
    """Return the 64 bytes of the signature; makes `keys/` with a pair if there is none at all.

    Raises:
        WrongUse: there is no key in production, it was lost, or no verify key belongs to it.

    """
    folder = root / "keys"
    signing, coming, known = _files(folder)
    # A signing key that was lost is said, not replaced: its verify.key is there.
    none = not signing.exists() and (coming.exists() or not known.exists())
    if none and not os.environ.get(SIGNING):
        _first(root)
    private = _private(_keys(SIGNING, signing)[0])
    if _public(private) not in _keys(VERIFY, known):
        raise WrongUse(
            "the signing key belongs to none of the verify keys, so every release would be refused:"
            f" add its public key, {_public(private)}, to {VERIFY} or keys/verify.key"
        )
    return private.sign(content)


def verify(content: bytes, signature: bytes, root: Path) -> None:
    """Raise `CheckFailed` unless `signature` was made for `content` by one of our keys."""
    for key in _keys(VERIFY, root / "keys" / "verify.key"):
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, content)
        except InvalidSignature:
            continue
        return
    raise CheckFailed("manifest.sig is not ours: the release was changed, or signed by another key")


def rotate(root: Path) -> list[str]:
    """Make a new pair and keep the old public keys valid; return all of these, the newest first.

    Killed at any step, signing and verifying go on; the next call completes what this one began.
    """
    if os.environ.get(SIGNING) or os.environ.get(VERIFY):
        raise WrongUse(
            f"{SIGNING} or {VERIFY} is set, so the keys in use are not those in keys/: unset it,"
            " rotate where keys/ is, and set the new values (docs/runbook.md)"
        )
    folder = root / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    signing, coming, known = _files(folder)
    with alone(folder):
        if not coming.exists():
            _write(coming, Ed25519PrivateKey.generate().private_bytes_raw().hex())
        new = _public(_private(coming.read_text()))
        old = _keys(VERIFY, known) if known.exists() else []
        if signing.exists():
            former = _keys(SIGNING, signing)[0]
            old = [_public(_private(former)), *old]
            _write(folder / f"retired-{old[0][:8]}.key", former)
        public = list(dict.fromkeys([new, *old]))
        # First what is accepted, then what signs: no release is signed that nobody accepts.
        _write(known, "\n".join(public), 0o644)
        os.replace(coming, signing)
    return public


def _first(root: Path) -> None:
    if os.environ.get("ENVIRONMENT") == "production":
        raise WrongUse(
            "there is no key to sign releases with, and ENVIRONMENT is production, where none is"
            f" made by itself: set {SIGNING} and {VERIFY}, or make a pair with `rotate-key`"
        )
    rotate(root)
    log.warning(
        "A pair of keys was made in keys/; in production let only training hold signing.key"
        " (docs/runbook.md)."
    )


def _files(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "signing.key", folder / "next.key", folder / "verify.key"


def _private(key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _keys(name: str, path: Path) -> list[str]:
    """Return the keys of the environment, else of the file, in lower-case hex."""
    text = os.environ.get(name, "")
    try:
        keys = re.split(r"[\s,]+", (text or path.read_text(errors="replace")).lower().strip(", \n"))
    except FileNotFoundError:
        way_out = f"set {name}, or bring {path} from the machine that trained"
        raise WrongUse(f"there is no key for releases: {way_out}") from None
    if any(not re.fullmatch("[0-9a-f]{64}", key) for key in keys):
        raise WrongUse(f"{name if text else path} is no key: 64 hexadecimal digits are expected")
    return keys


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    beside = path.with_suffix(".part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
