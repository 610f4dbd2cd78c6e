"""The keys of releases: one signs, any of those that verify may have. Ed25519 (RFC 8032).

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
from ..files import alone
from ..project import TOUR, in_production, outside

SIGNING, VERIFY = "RELEASE_SIGNING_KEY", "RELEASE_VERIFY_KEY"
PRODUCTION = "in production let only training hold signing.key (docs/runbook.md)"
log = logging.getLogger(__name__)


def sign(content: bytes, root: Path) -> bytes:
    """Return the 64 bytes of the signature; makes a pair in `keys/` if there is none at all.

    Raise `WrongUse` if there is none in production, it was lost, or no verify key belongs to it.
    """
    signing, coming, known = _files(root)
    # A signing key that was lost is said, not replaced: its verify.key is still there.
    none = not signing.exists() and (coming.exists() or not known.exists())
    if none and not outside(SIGNING, root):
        if in_production() and root.name != TOUR:
            way_out = f"set {SIGNING} and {VERIFY}, or make a pair with `rotate-key`"
            raise WrongUse(f"ENVIRONMENT is production, and no key signs releases: {way_out}")
        rotate(root)
        where = os.path.relpath(signing.parent)
        log.warning("A pair of keys for releases was made in %s/; %s.", where, PRODUCTION)
    private = _private(_keys(SIGNING, signing)[0])
    if (public := _public(private)) not in _keys(VERIFY, known):
        raise WrongUse(f"the signing key has no verify key: {VERIFY} or {known} lacks {public}")
    return private.sign(content)


def verify(content: bytes, signature: bytes, root: Path) -> None:
    """Raise `CheckFailed` unless `signature` was made for `content` by one of our keys."""
    for key in _keys(VERIFY, _files(root)[2]):
        try:
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, content)
        except InvalidSignature:
            continue
    raise CheckFailed("manifest.sig is not ours: the release was changed, or signed by another key")


def rotate(root: Path) -> list[str]:
    """Make a new pair and keep the old public keys valid; return all of these, the newest first.

    Killed at any step, signing and verifying go on; the next call completes what this one began.
    """
    if outside(SIGNING, root) or outside(VERIFY, root):
        raise WrongUse(f"unset {SIGNING} and {VERIFY}: only keys in files can be rotated")
    signing, coming, known = _files(root)
    signing.parent.mkdir(mode=0o700, exist_ok=True)
    with alone(signing.parent):
        if not coming.exists():
            _write(coming, [Ed25519PrivateKey.generate().private_bytes_raw().hex()])
        public = [_public(_private(coming.read_text()))]
        if signing.exists():
            (former,) = _keys(SIGNING, signing)
            public.append(_public(_private(former)))
            _write(signing.with_name(f"retired-{public[-1][:8]}.key"), [former])
        public = list(dict.fromkeys(public + (_keys(VERIFY, known) if known.exists() else [])))
        # First what is accepted, then what signs: no release is signed that nobody accepts.
        _write(known, public, 0o644)
        os.replace(coming, signing)
    return public


def _files(root: Path) -> tuple[Path, Path, Path]:
    keys = root / "keys"
    return keys / "signing.key", keys / "next.key", keys / "verify.key"


def _private(key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _keys(name: str, path: Path) -> list[str]:
    """Return the keys of the environment, else of the file, in lower-case hex."""
    text = outside(name, path.parents[1])
    try:
        keys = re.split(r"[\s,]+", (text or path.read_text(errors="replace")).lower().strip(", \n"))
    except FileNotFoundError:
        way_out = f"set {name}, or bring {path}; was it lost, see docs/runbook.md"
        raise WrongUse(f"there is no key for releases: {way_out}") from None
    if any(not re.fullmatch("[0-9a-f]{64}", key) for key in keys):
        raise WrongUse(f"{name if text else path} is no key: 64 hexadecimal digits are expected")
    return keys


def _write(path: Path, keys: list[str], mode: int = 0o600) -> None:
    beside = path.with_suffix(".part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write("\n".join(keys) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
