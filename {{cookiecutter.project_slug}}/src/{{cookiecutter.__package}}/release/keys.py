"""The key that releases are signed with: Ed25519 (RFC 8032). The registry never holds it.

In: RELEASE_SIGNING_KEY and RELEASE_VERIFY_KEY (32 bytes in hex), else the files in `keys/`. On a
laptop the pair is made at the first training; in production only training has the signing key.
"""

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import CheckFailed, WrongUse

SIGNING, VERIFY = "RELEASE_SIGNING_KEY", "RELEASE_VERIFY_KEY"


def sign(content: bytes, root: Path) -> bytes:
    """Return the 64 bytes of the signature; makes `keys/` with a pair if there is none at all."""
    path = root / "keys" / "signing.key"
    # A lost signing key is said, not replaced: a new pair would disown every earlier release.
    if not os.environ.get(SIGNING) and not path.parent.exists():
        _make(path)
    return Ed25519PrivateKey.from_private_bytes(_key(SIGNING, path)).sign(content)


def verify(content: bytes, signature: bytes, root: Path) -> None:
    """Raise `CheckFailed` unless `signature` was made for `content` by our key."""
    key = Ed25519PublicKey.from_public_bytes(_key(VERIFY, root / "keys" / "verify.key"))
    try:
        key.verify(signature, content)
    except InvalidSignature:
        raise CheckFailed(
            "the signature is not ours: the release was changed or re-signed"
        ) from None


def _key(name: str, path: Path) -> bytes:
    text = os.environ.get(name, "")
    try:
        key = bytes.fromhex(text or path.read_text(encoding="ascii"))
    except FileNotFoundError:
        way_out = f"set {name}, or bring {path} from the machine that trained"
        raise WrongUse(f"there is no key for releases: {way_out}") from None
    except ValueError:
        key = b""
    if len(key) != 32:
        raise WrongUse(f"{name if text else path} is no key: 64 hexadecimal digits are expected")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    key = Ed25519PrivateKey.generate()
    path.with_name("verify.key").write_text(key.public_key().public_bytes_raw().hex())
    path.touch(mode=0o600)
    path.write_text(key.private_bytes_raw().hex())
