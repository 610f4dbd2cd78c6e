"""The keys of releases are made, kept, changed and missed without a release being lost for it."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ml_lifecycle.errors import CheckFailed, WrongUse
from ml_lifecycle.release import keys
from project.cli import main

CONTENT = b"a manifest"


def pair() -> tuple[str, str]:
    """Return a private and a public key in hex."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw().hex(), private.public_key().public_bytes_raw().hex()


def test_the_first_training_makes_a_pair_and_says_once_what_production_needs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            keys.verify(CONTENT, keys.sign(CONTENT, tmp_path), tmp_path)
    assert [record.name.rpartition(".")[2] for record in caplog.records] == ["keys"]
    assert "in production" in caplog.text
    assert (tmp_path / "keys" / "signing.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_production_makes_no_key_by_itself_and_takes_the_one_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(WrongUse, match=r"RELEASE_SIGNING_KEY.*rotate-key"):
        keys.sign(CONTENT, tmp_path)
    assert not (tmp_path / "keys").exists()
    private, public = pair()
    monkeypatch.setenv(keys.SIGNING, private)
    monkeypatch.setenv(keys.VERIFY, public)
    keys.verify(CONTENT, keys.sign(CONTENT, tmp_path), tmp_path)
    assert not (tmp_path / "keys").exists()


def test_a_lost_signing_key_is_said_and_a_rotation_is_the_way_out(tmp_path: Path) -> None:
    before = keys.sign(CONTENT, tmp_path)
    (tmp_path / "keys" / "signing.key").unlink()
    with pytest.raises(WrongUse, match="there is no key"):
        keys.sign(CONTENT, tmp_path)
    keys.rotate(tmp_path)
    for signature in (before, keys.sign(CONTENT, tmp_path)):
        keys.verify(CONTENT, signature, tmp_path)


def test_a_signing_key_that_nobody_would_accept_signs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.sign(CONTENT, tmp_path)
    private, public = pair()
    monkeypatch.setenv(keys.SIGNING, private)
    with pytest.raises(WrongUse, match=f"the signing key has no verify key.*{public}"):
        keys.sign(CONTENT, tmp_path)


@pytest.mark.parametrize("between", [",", " ", "\n", ", "])
def test_several_keys_may_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    pairs = [pair(), pair()]
    monkeypatch.setenv(keys.VERIFY, between.join(public for _, public in pairs))
    for private, _ in pairs:
        monkeypatch.setenv(keys.SIGNING, private)
        keys.verify(CONTENT, keys.sign(CONTENT, tmp_path), tmp_path)


@pytest.mark.parametrize("signature", [b"", b"x" * 64, b"x" * 1000])
def test_what_is_no_signature_of_ours_is_refused(tmp_path: Path, signature: bytes) -> None:
    keys.sign(CONTENT, tmp_path)
    with pytest.raises(CheckFailed, match=r"manifest.sig is not ours"):
        keys.verify(CONTENT, signature, tmp_path)


@pytest.mark.parametrize("text", ["abc", "ä" * 64, "0" * 63, "0" * 64 + "\n" + "0" * 32, "\n,"])
def test_what_is_no_key_is_said(tmp_path: Path, text: str) -> None:
    signature = keys.sign(CONTENT, tmp_path)
    (tmp_path / "keys" / "verify.key").write_text(text)
    with pytest.raises(WrongUse, match=r"verify.key is no key"):
        keys.verify(CONTENT, signature, tmp_path)


def test_after_a_rotation_old_releases_stay_valid_until_their_line_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project.toml").write_text('[data]\nsource = "t.csv"\ntarget = "y"\n')
    before = keys.sign(CONTENT, tmp_path)
    folder = tmp_path / "keys"
    former = (folder / "signing.key").read_text()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["rotate-key"])
    assert done.exit_code == 0
    assert "bring keys/verify.key" in done.stdout
    after = keys.sign(CONTENT, tmp_path)
    assert before != after
    for signature in (before, after):
        keys.verify(CONTENT, signature, tmp_path)
    (retired,) = folder.glob("retired-*.key")
    assert retired.read_text() == former
    assert {path.stat().st_mode & 0o777 for path in (retired, folder / "signing.key")} == {0o600}
    newest = (folder / "verify.key").read_text().split()[0]
    (folder / "verify.key").write_text(newest)
    keys.verify(CONTENT, after, tmp_path)
    with pytest.raises(CheckFailed, match="not ours"):
        keys.verify(CONTENT, before, tmp_path)


def test_keys_of_the_environment_are_not_rotated_in_a_folder_that_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.VERIFY, pair()[1])
    with pytest.raises(WrongUse, match="only keys in files"):
        keys.rotate(tmp_path)
    assert not (tmp_path / "keys").exists()


def dying(at: int, done: bool, replace: Callable[..., None]) -> Callable[..., None]:
    """Return `os.replace` that ends the program at the call numbered `at`, before or after it."""
    calls = iter(range(100))

    def die(source: str, target: str) -> None:
        last = next(calls) == at
        if last and not done:
            raise SystemExit
        replace(source, target)
        if last:
            raise SystemExit

    return die


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    ("first", "at"), [(True, at) for at in range(3)] + [(False, at) for at in range(4)]
)
def test_a_rotation_killed_at_any_step_leaves_keys_that_work_and_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, done: bool, first: bool
) -> None:
    old = [] if first else [keys.sign(CONTENT, tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dying(at, done, os.replace))
        with pytest.raises(SystemExit):
            keys.rotate(tmp_path)
    for signature in [*old, keys.sign(CONTENT, tmp_path)]:
        keys.verify(CONTENT, signature, tmp_path)
    public = keys.rotate(tmp_path)
    assert len(public) <= 3
    assert not (tmp_path / "keys" / "next.key").exists()
    for signature in [*old, keys.sign(CONTENT, tmp_path)]:
        keys.verify(CONTENT, signature, tmp_path)
