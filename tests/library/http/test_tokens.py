"""Tokens of the issuer let in, others do not; and the issuer may be away for a while."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from ml_lifecycle import WrongUse
from ml_lifecycle.http import AccessSettings, api_keys
from pydantic import ValidationError

AUDIENCE = "churn-service"
OURS, STRANGERS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in "ab")
CURVE = ec.generate_private_key(ec.SECP256R1())


def published() -> dict[str, Any]:
    keys = []
    for name, key, how in (("r", OURS, jwt.algorithms.RSAAlgorithm), ("e", CURVE, jwt.algorithms.ECAlgorithm)):  # fmt: skip # noqa: E501
        keys.append(how.to_jwk(key.public_key(), as_dict=True) | {"kid": name, "use": "sig"})
    return {"keys": keys}


class Issuer:
    """An OpenID Connect issuer over real HTTP, which counts who asks for its keys."""

    def __init__(self) -> None:
        self.asked = 0
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                found = self.path.endswith("/openid-configuration")
                said = {"jwks_uri": f"{issuer.url}/keys"} if found else published()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def start(self) -> None:
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def door(issuer: Issuer, champion: Any, serving: Any, tmp_path: Path) -> Iterator[Any]:
    """Return what asks the real service with a header, and returns the status."""
    own = champion.copy(tmp_path)
    change = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE}
    own = own.model_copy(update={"service": own.service.model_copy(update=change)})
    with serving(own, [b"a-key"]) as running:

        def ask(**headers: str) -> Any:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return running.http.get("/model", headers=named)

        yield ask


def token(
    issuer: Issuer, key: Any = OURS, how: str = "RS256", kid: str = "r", **claims: Any
) -> str:
    usual = {"iss": issuer.url, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 600}
    said = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(said, key, how, headers={"kid": kid})


def test_a_token_of_the_issuer_lets_in_and_so_does_a_key(issuer: Issuer, door: Any) -> None:
    for scheme in ("Bearer", "bearer"):
        assert door(Authorization=f"{scheme} {token(issuer)}").status_code == 200
    curve = token(issuer, CURVE, "ES256", "e")
    assert door(Authorization=f"Bearer {curve}").status_code == 200
    assert door(X_API_Key="a-key").status_code == 200
    for _ in range(20):
        door(Authorization=f"Bearer {token(issuer)}")
    assert issuer.asked == 2, "discovery and keys, once"


SOON = 600.0
FALSE: dict[str, Any] = {
    "expired": {"exp": time.time() - SOON},
    "not yet": {"nbf": time.time() + SOON},
    "never ends": {"exp": None},
    "of nobody": {"sub": None},
    "for another service": {"aud": "another"},
    "of another issuer": {"iss": "http://127.0.0.1:1"},
    "signed by a stranger": {"key": STRANGERS},
    "of an unknown key": {"kid": "x"},
}


@pytest.mark.parametrize("what", FALSE)
def test_another_token_does_not(issuer: Issuer, door: Any, what: str) -> None:
    answer = door(Authorization=f"Bearer {token(issuer, **FALSE[what])}")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_that_anybody_can_make_does_not(issuer: Issuer, door: Any) -> None:
    public = OURS.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # PyJWT itself refuses to sign with a public key: who cheats does it by hand.
    head, said, _ = token(issuer, b"0" * 32, "HS256").split(".")
    sign = hmac.digest(public, f"{head}.{said}".encode(), "sha256")
    false = f"{head}.{said}.{base64.urlsafe_b64encode(sign).decode().rstrip('=')}"
    made = [token(issuer, None, "none"), false, "", "a.b.c", "Ω"]
    for one in made:
        header = f"Bearer {one}".encode()
        assert door(Authorization=header).status_code == 401, one
    assert door(Authorization="Basic YTpi").status_code == 401
    assert door().status_code == 401


def test_unknown_keys_do_not_make_the_service_ask_the_issuer_each_time(
    issuer: Issuer, door: Any
) -> None:
    for name in range(20):
        assert door(Authorization=f"Bearer {token(issuer, kid=str(name))}").status_code == 401
    assert issuer.asked <= 3


def test_while_the_issuer_is_away_known_keys_count_and_without_any_it_is_said(
    issuer: Issuer, door: Any
) -> None:
    issuer.stop()
    answer = door(Authorization=f"Bearer {token(issuer)}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert door(X_API_Key="a-key").status_code == 200, "who has a key is not concerned"
    back = Issuer.__new__(Issuer)
    back.__dict__.update(issuer.__dict__)
    back.http = ThreadingHTTPServer(issuer.http.server_address, issuer.http.RequestHandlerClass)  # type: ignore[arg-type]
    back.start()
    assert door(Authorization=f"Bearer {token(issuer)}").status_code == 200
    back.stop()
    assert door(Authorization=f"Bearer {token(issuer)}").status_code == 200


def test_tokens_have_to_be_made_for_somebody() -> None:
    with pytest.raises(ValidationError, match="oidc_audience"):
        AccessSettings(oidc_issuer="https://issuer.example")


def test_in_production_an_issuer_may_take_the_place_of_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.delenv("SERVICE_API_KEYS", raising=False)
    assert api_keys("https://issuer.example") == []
    with pytest.raises(WrongUse, match="SERVICE_API_KEYS"):
        api_keys()
