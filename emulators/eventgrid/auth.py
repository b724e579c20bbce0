"""Who may call: an access key, or a bearer token that looks like Microsoft Entra's for Event Grid.

No signature is checked: the emulator can't know the issuer's keys. A token must be a JWT whose header names an
algorithm, whose ``aud`` is Event Grid, and whose ``exp`` and ``nbf`` surround now.
"""

import base64
import binascii
import hmac
from typing import Any

import orjson

from emulators.eventgrid.clock import Clock
from emulators.eventgrid.errors import Unauthorized

AUDIENCES = ("https://eventgrid.azure.net", "https://eventgrid.azure.net/")
_SKEW_S = 300
_MAX_CACHED = 1000


class Authorizer:
    """Checks an ``Authorization`` header."""

    def __init__(self, access_key: str, clock: Clock) -> None:
        self._key = access_key.encode()
        self._clock = clock
        self._good_tokens: dict[str, float] = {}

    def check(self, header: str | None) -> None:
        """Raises Unauthorized with the reason."""
        if not header:
            raise Unauthorized("The request has no Authorization header.")
        scheme, _, credential = header.partition(" ")
        credential = credential.strip()
        if scheme == "SharedAccessKey":
            if not hmac.compare_digest(credential.encode(), self._key):
                raise Unauthorized("The access key is not valid for this namespace.")
        elif scheme == "Bearer":
            self._check_token(credential)
        else:
            raise Unauthorized("Authorization must be 'SharedAccessKey <key>' or 'Bearer <token>'.")

    def _check_token(self, token: str) -> None:
        now = self._clock.now()
        if now < self._good_tokens.get(token, 0.0):
            return
        parts = token.split(".")
        if len(parts) != 3 or not all(parts):
            raise Unauthorized("The bearer token is not a signed JWT.")
        header, claims = _decode(parts[0]), _decode(parts[1])
        if not isinstance(header.get("alg"), str):
            raise Unauthorized("The bearer token's header names no algorithm.")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if not any(value in AUDIENCES for value in audiences):
            raise Unauthorized(f"The bearer token's audience is {audience!r}; it must be {AUDIENCES[0]}.")
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, (int, float)) or not isinstance(begins, (int, float)):
            raise Unauthorized("The bearer token's exp and nbf must be numbers.")
        if expires + _SKEW_S <= now:
            raise Unauthorized("The bearer token has expired.")
        if begins - _SKEW_S > now:
            raise Unauthorized("The bearer token is not valid yet.")
        if len(self._good_tokens) >= _MAX_CACHED:
            self._good_tokens.clear()
        self._good_tokens[token] = expires + _SKEW_S


def _decode(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Unauthorized("The bearer token is not a JWT.") from error
    if not isinstance(value, dict):
        raise Unauthorized("The bearer token is not a JWT.")
    return value
