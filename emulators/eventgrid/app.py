"""The ASGI application: finds the operation, checks the caller, and answers. Plain ASGI, no framework: the cost of a
request is what the benchmark of the pub/sub component shares its processors with.
"""

import asyncio
import contextlib
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, cast

from emulators.eventgrid import wire
from emulators.eventgrid.auth import Authorizer
from emulators.eventgrid.cloudevents import (
    MAX_EVENT_BYTES,
    parse_batch,
    parse_binary,
    parse_structured,
)
from emulators.eventgrid.errors import (
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    WireError,
)
from emulators.eventgrid.faults import Fault, Faults, HangUp
from emulators.eventgrid.namespace import Namespace, Settlement

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_BODY_BYTES = MAX_EVENT_BYTES
DRAIN_BYTES = 32 * 1024 * 1024
"""A body that is too large is read to its end up to here, so that the caller gets to see the answer."""

_PUBLISH = re.compile(r"/topics/([^/:]+):publish")
_SUBSCRIPTION = re.compile(r"/topics/([^/:]+)/eventsubscriptions/([^/:]+):(\w+)")
_SETTLEMENTS = ("acknowledge", "release", "reject", "renewLock")
_JSON = (b"content-type", b"application/json; charset=utf-8")

logger = logging.getLogger(__name__)


class CallerGone(Exception):
    """The caller hung up; there is nobody to answer."""


class DataPlane:
    """Everything under ``/topics/``; ``admin`` answers the rest."""

    def __init__(self, namespace: Namespace, authorizer: Authorizer, faults: Faults, admin: "Admin") -> None:
        self._namespace = namespace
        self._authorizer = authorizer
        self._faults = faults
        self._admin = admin
        self.calls: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        operation = path.rpartition(":")[2]
        headers: Iterable[tuple[bytes, bytes]] = ()
        try:
            if path.startswith("/topics/"):
                status, body = 200, await self._answer(scope, receive, path)
            else:
                operation = "admin"
                status, body = 200, await self._admin(scope, await read_body(receive), self.calls)
        except CallerGone:
            return
        except HangUp:
            # An answer that is begun and not ended makes the server close the connection.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            return
        except WireError as error:
            status, body, headers = error.status, wire.error_body(error), error.headers
        except Exception:
            logger.exception("%s %s", scope["method"], path)
            status, body = 500, wire.error_body(WireError("The emulator failed; its log has the details."))
        if operation != "admin":
            self.calls[f"{operation}:{status}" if status != 404 else "404"] += 1
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [_JSON, (b"content-length", str(len(body)).encode()), *headers],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive, path: str) -> bytes:
        body = await read_body(receive)
        topic, subscription, operation = _route(path)
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{operation} is a POST.")
        headers: Headers = scope["headers"]
        self._authorizer.check(_header(headers, b"authorization"))
        query = wire.parse_query(scope["query_string"])
        if operation == "renewLock" and query.version == wire.V2023:
            raise NotFound(f"renewLock needs api-version {wire.V2024}.")
        fault = self._faults.take(operation, topic, subscription)
        await _before(fault)
        if subscription is None:
            answer = await self._publish(topic, headers, body)
        elif operation == "receive":
            answer = await self._receive(topic, subscription, query, receive)
        else:
            answer = await self._settle(
                topic, subscription, cast(Settlement, operation), query, headers, body
            )
        if fault is not None and fault.fails:
            raise fault.error()
        return answer

    async def _publish(self, topic_name: str, headers: Headers, body: bytes) -> bytes:
        topic = self._namespace.topic(topic_name)
        content_type = _header(headers, b"content-type") or ""
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == "application/cloudevents-batch+json":
            bodies = parse_batch(body)
        elif media_type == "application/cloudevents+json":
            bodies = parse_structured(body)
        elif _header(headers, b"ce-specversion") is not None:
            named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
            bodies = parse_binary(named, content_type, body)
        else:
            raise UnsupportedMediaType(
                "Content-Type must be application/cloudevents+json or application/cloudevents-batch+json, or the "
                f"event's attributes must be in ce-* headers; it is {content_type!r}."
            )
        await self._namespace.publish(topic, bodies)
        return b"{}"

    async def _receive(
        self, topic: str, subscription_name: str, query: wire.Query, receive: Receive
    ) -> bytes:
        subscription = self._namespace.subscription(topic, subscription_name)
        limit = query.integer("maxEvents", 1, 1, 100)
        wait_s = query.integer("maxWaitTime", 60, 10, 120)
        deliveries = self._namespace.take(subscription, limit)
        if not deliveries:
            gone = asyncio.ensure_future(_until_gone(receive))
            try:
                deliveries = await self._namespace.receive(subscription, limit, wait_s, gone)
                if gone.done():
                    raise CallerGone
            finally:
                gone.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await gone
        return wire.receive_result(deliveries)

    async def _settle(
        self,
        topic: str,
        subscription_name: str,
        operation: Settlement,
        query: wire.Query,
        headers: Headers,
        body: bytes,
    ) -> bytes:
        subscription = self._namespace.subscription(topic, subscription_name)
        content_type = _header(headers, b"content-type") or ""
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType(f"Content-Type must be application/json; it is {content_type!r}.")
        delay_s = query.release_delay() if operation == "release" else 0
        tokens = wire.parse_lock_tokens(body)
        return wire.lock_result(await self._namespace.settle(operation, subscription, tokens, delay_s))


Admin = Callable[[Scope, bytes, Counter[str]], Awaitable[bytes]]


def _route(path: str) -> tuple[str, str | None, str]:
    """Topic, subscription and operation. Raises NotFound."""
    if publish := _PUBLISH.fullmatch(path):
        return publish[1], None, "publish"
    match = _SUBSCRIPTION.fullmatch(path)
    if match is None or match[3] not in ("receive", *_SETTLEMENTS):
        raise NotFound(f"There is no operation {path!r}.")
    return match[1], match[2], match[3]


def _header(headers: Headers, name: bytes) -> str | None:
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


async def _before(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.fails and not fault.after:
        raise fault.error()


async def read_body(receive: Receive) -> bytes:
    """The request's whole body. Raises PayloadTooLarge, BadRequest when it never ends, CallerGone."""
    message = await receive()
    first: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(first) <= MAX_BODY_BYTES:
        return first
    parts, size = [first], len(first)
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        elif size > DRAIN_BYTES:
            raise PayloadTooLarge(f"The request has more than {DRAIN_BYTES} bytes.")
    if message["type"] != "http.request":
        raise CallerGone
    if size > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"The request has {size} bytes; at most {MAX_BODY_BYTES} are allowed.")
    return b"".join(parts)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
