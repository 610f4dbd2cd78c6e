"""Bearer tokens of an OpenID Connect issuer, checked by PyJWT against the keys that it publishes.

In: the issuer and the audience of [service]. Out: whose token it is. The issuer is asked for its
keys at the first token and every five minutes; between, it may be down.
"""

import json
import urllib.request
from functools import cached_property

import jwt

SECONDS = 5.0  # for an answer of the issuer
LEEWAY = 30.0  # seconds that clocks may differ by
# Of keys in pairs only: with a shared secret, who can check a token can make one.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class IssuerAway(Exception):
    """The issuer's keys do not come, so nobody can say whether a token is valid."""


class Tokens:
    """Says whose a token is."""

    def __init__(self, issuer: str, audience: str) -> None:
        """Take tokens that `issuer` made for `audience`."""
        self.issuer, self.audience = issuer, audience

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        # OpenID Connect Discovery 1.0, section 4.
        where = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        with urllib.request.urlopen(where, timeout=SECONDS) as answer:
            return jwt.PyJWKClient(json.load(answer)["jwks_uri"], timeout=SECONDS)

    def owner(self, token: str) -> str:
        """Return whose token it is, "" if it is none; raise `IssuerAway`. Blocks."""
        try:
            key = self._keys.get_signing_key_from_jwt(token).key
            claims = jwt.decode(
                token,
                key,
                ALGORITHMS,
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub"]},
            )
        except (OSError, KeyError, ValueError, jwt.PyJWKClientConnectionError) as error:
            raise IssuerAway(type(error).__name__) from error
        except jwt.PyJWTError:
            return ""
        return f"token {claims['sub']}"
