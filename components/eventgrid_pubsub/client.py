"""Event Grid Namespaces' data plane over REST, api-version 2024-06-01. One attempt a call; retrying is the caller's."""

import asyncio
import contextlib
import email.utils
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from components.eventgrid_pubsub import __version__
from components.eventgrid_pubsub.auth import Authorizer
from components.eventgrid_pubsub.errors import ServiceError, Unreachable
from components.eventgrid_pubsub.telemetry import Calls

API_VERSION = "2024-06-01"
LOCK_CALL_TIMEOUT_S = 30.0
RECEIVE_MARGIN_S = 15.0
CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 50.0
MAX_CONNECTIONS = 64
BATCH_TYPE = "application/cloudevents-batch+json; charset=utf-8"


class BrokerProperties(msgspec.Struct, gc=False):
    """What Event Grid says of a delivery."""

    lockToken: str  # noqa: N815
    deliveryCount: int = 1  # noqa: N815


class Received(msgspec.Struct):
    """A delivery: its broker's properties, and the event's bytes as Event Grid wrote them."""

    brokerProperties: BrokerProperties  # noqa: N815
    event: msgspec.Raw = msgspec.Raw(b"null")


class _ReceiveResult(msgspec.Struct):
    value: list[Received]


class _TokenError(msgspec.Struct):
    code: str = ""
    message: str = ""


class _FailedToken(msgspec.Struct):
    lockToken: str = ""  # noqa: N815
    error: _TokenError = msgspec.field(default_factory=_TokenError)


class LockResult(msgspec.Struct):
    """Answer of acknowledge, release, reject and renewLock; failures come with status 200."""

    succeededLockTokens: list[str] = []  # noqa: N815
    failedLockTokens: list[_FailedToken] = []  # noqa: N815

    def failed(self) -> dict[str, str]:
        """Error code by lock token."""
        return {failure.lockToken: failure.error.code for failure in self.failedLockTokens}


_receive_result = msgspec.json.Decoder(_ReceiveResult)
_lock_result = msgspec.json.Decoder(LockResult)


@dataclass(slots=True)
class ReceiveState:
    """How far a receive call has come: ``answering`` is set once the service has begun to hand over events."""

    answering: asyncio.Event = field(default_factory=asyncio.Event)


class EventGridClient:
    """Calls of one namespace. All methods raise Unreachable, ServiceError and CredentialsUnavailable."""

    def __init__(self, endpoint: str, authorizer: Authorizer, calls: Calls) -> None:
        self._endpoint = endpoint
        self._authorizer = authorizer
        self._calls = calls
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[tuple[str, ...], URL] = {}

    async def publish(self, topic: str, events: Sequence[bytes], timeout_s: float) -> None:
        """Publish CloudEvents in one request: all of them or none."""
        url = self._url(f"/topics/{quote(topic, safe='')}:publish")
        await self._call("publish", url, b"[" + b",".join(events) + b"]", BATCH_TYPE, timeout_s)

    async def receive(
        self,
        topic: str,
        subscription: str,
        max_events: int,
        max_wait_s: int,
        state: ReceiveState | None = None,
    ) -> list[Received]:
        """Wait up to ``max_wait_s`` for events, and lock up to ``max_events`` of them. Empty when none came."""
        url = self._subscription_url(
            topic, subscription, "receive", maxEvents=max_events, maxWaitTime=max_wait_s
        )
        body = await self._call("receive", url, None, None, max_wait_s + RECEIVE_MARGIN_S, state)
        try:
            return _receive_result.decode(body).value
        except msgspec.MsgspecError as error:
            raise Unreachable(f"an answer to receive that cannot be read: {error}") from error

    async def acknowledge(self, topic: str, subscription: str, tokens: Sequence[str]) -> LockResult:
        """The events are done with."""
        return await self._lock_call("acknowledge", topic, subscription, tokens)

    async def release(self, topic: str, subscription: str, tokens: Sequence[str], delay_s: int) -> LockResult:
        """Give the events back, to be delivered again after ``delay_s``, one of RELEASE_DELAYS_S."""
        return await self._lock_call("release", topic, subscription, tokens, releaseDelayInSeconds=delay_s)

    async def reject(self, topic: str, subscription: str, tokens: Sequence[str]) -> LockResult:
        """The events can never be handled: dead-letter them."""
        return await self._lock_call("reject", topic, subscription, tokens)

    async def renew(self, topic: str, subscription: str, tokens: Sequence[str]) -> LockResult:
        """Hold the locks for another lock duration."""
        return await self._lock_call("renewLock", topic, subscription, tokens)

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()
        await self._authorizer.close()

    async def _lock_call(
        self, operation: str, topic: str, subscription: str, tokens: Iterable[str], **query: int
    ) -> LockResult:
        url = self._subscription_url(topic, subscription, operation, **query)
        body = msgspec.json.encode({"lockTokens": tokens})
        answer = await self._call(operation, url, body, "application/json", LOCK_CALL_TIMEOUT_S)
        try:
            return _lock_result.decode(answer)
        except msgspec.MsgspecError as error:
            raise Unreachable(f"an answer to {operation} that cannot be read: {error}") from error

    async def _call(
        self,
        operation: str,
        url: URL,
        body: bytes | None,
        content_type: str | None,
        timeout_s: float,
        state: ReceiveState | None = None,
    ) -> bytes:
        try:
            return await self._attempt(operation, url, body, content_type, timeout_s, state)
        except ServiceError as error:
            if error.http_status != 401 or not self._authorizer.forget():
                raise
        return await self._attempt(operation, url, body, content_type, timeout_s, state)

    async def _attempt(
        self,
        operation: str,
        url: URL,
        body: bytes | None,
        content_type: str | None,
        timeout_s: float,
        state: ReceiveState | None,
    ) -> bytes:
        headers = {"Authorization": await self._authorizer.header(), "Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        started = time.perf_counter()
        outcome = "error"
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._open().post(url, data=body, headers=headers) as response,
            ):
                outcome = str(response.status)
                if state is not None:
                    state.answering.set()
                answer = await response.read()
                if response.status == 200:
                    return answer
                raise _service_error(response.status, response.reason or "", dict(response.headers), answer)
        except TimeoutError as error:
            outcome = "timeout"
            raise Unreachable(
                f"no answer to {operation} from {self._endpoint} within {timeout_s:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(
                f"{operation}: no answer from {self._endpoint}: {error or type(error).__name__}"
            ) from error
        finally:
            self._calls.observe(operation, outcome, time.perf_counter() - started)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_S),
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Content-Type",),
                headers={"User-Agent": f"dapr-pubsub-azure-eventgrid/{__version__}"},
                trust_env=self._endpoint.startswith("https://"),  # a proxy is never for loopback
            )
        return self._session

    def _subscription_url(self, topic: str, subscription: str, operation: str, **query: int) -> URL:
        path = (
            f"/topics/{quote(topic, safe='')}/eventsubscriptions/{quote(subscription, safe='')}:{operation}"
        )
        return self._url(path, **query)

    def _url(self, path: str, **query: int) -> URL:
        tail = "".join(f"&{name}={value}" for name, value in query.items())
        key = (path, tail)
        url = self._urls.get(key)
        if url is None:
            if len(self._urls) > 4096:
                self._urls.clear()
            url = URL(f"{self._endpoint}{path}?api-version={API_VERSION}{tail}", encoded=True)
            self._urls[key] = url
        return url


def _service_error(status: int, reason: str, headers: dict[str, str], body: bytes) -> ServiceError:
    code, message = reason or "Unknown", body[:300].decode(errors="replace")
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        error: Any = msgspec.json.decode(body)
        error = error.get("error", error) if isinstance(error, dict) else {}
        if isinstance(error, dict):
            code, message = str(error.get("code", code)), str(error.get("message", message))
    return ServiceError(status, code, message, retry_after_s(headers.get("Retry-After")))


def retry_after_s(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date. None where there is none that can be read."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
