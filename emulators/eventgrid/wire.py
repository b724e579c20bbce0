"""Requests and responses of the data plane, api-versions 2023-11-01 and 2024-06-01."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import orjson

from emulators.eventgrid.errors import BadRequest, UnsupportedVersion, WireError
from emulators.eventgrid.namespace import Outcome
from emulators.eventgrid.segments import Delivery

V2023 = "2023-11-01"
V2024 = "2024-06-01"
VERSIONS = (V2023, V2024)
RELEASE_DELAYS_S = (0, 10, 60, 600, 3600)


@dataclass(frozen=True)
class Query:
    """A data-plane query string, checked for its version only."""

    version: str
    values: dict[str, str]

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Raises BadRequest that names the parameter and what is allowed."""
        text = self.values.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise BadRequest(f"{name} must be a whole number from {least} to {most}; it is {text!r}.")
        return int(text)

    def release_delay(self) -> int:
        """Seconds. Raises BadRequest."""
        text = self.values.get("releaseDelayInSeconds")
        if text is None:
            return 0
        if self.version == V2023:
            raise BadRequest(f"releaseDelayInSeconds needs api-version {V2024}.")
        if text not in map(str, RELEASE_DELAYS_S):
            raise BadRequest(f"releaseDelayInSeconds must be one of {RELEASE_DELAYS_S}; it is {text!r}.")
        return int(text)


@lru_cache(maxsize=256)
def parse_query(query_string: bytes) -> Query:
    """Raises UnsupportedVersion."""
    values = {k: v[-1] for k, v in parse_qs(query_string.decode("latin-1"), keep_blank_values=True).items()}
    version = values.get("api-version")
    if version is None:
        raise UnsupportedVersion("The query parameter api-version is required.")
    if version not in VERSIONS:
        raise UnsupportedVersion(
            f"api-version {version!r} is not supported; use one of {', '.join(VERSIONS)}."
        )
    return Query(version, values)


def parse_lock_tokens(body: bytes) -> list[str]:
    """``{"lockTokens": [...]}``. Raises BadRequest."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error
    tokens = document.get("lockTokens") if isinstance(document, dict) else None
    if not isinstance(tokens, list) or not tokens or not all(isinstance(token, str) for token in tokens):
        raise BadRequest("The body must be an object with lockTokens, a non-empty array of strings.")
    return tokens


def receive_result(deliveries: list[Delivery]) -> bytes:
    """ReceiveResult; the events are copied in as they are stored."""
    return b'{"value":[%b]}' % b",".join(
        [
            b'{"brokerProperties":{"lockToken":"%b","deliveryCount":%d},"event":%b}'
            % (delivery.token.encode(), delivery.count, delivery.event.body)
            for delivery in deliveries
        ]
    )


def lock_result(outcome: Outcome) -> bytes:
    """The result of acknowledge, release, reject and renewLock."""
    return orjson.dumps(
        {
            "succeededLockTokens": outcome.succeeded,
            "failedLockTokens": [
                {"lockToken": token, "error": {"code": fault.value[0], "message": fault.value[1]}}
                for token, fault in outcome.failed
            ],
        }
    )


def error_body(error: WireError) -> bytes:
    message: Any = str(error)
    return orjson.dumps({"error": {"code": error.code, "message": message, "details": []}})
