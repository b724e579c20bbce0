"""W3C trace context of a request: taken from its headers, or begun; in every log line and problem."""

import re
import secrets
from contextvars import ContextVar
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An id of zeros is none: daprd sends it when it does not trace.
TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")


def current_traceparent() -> str:
    """The ``traceparent`` to hand on to whatever is called, or the empty string outside a request."""
    return _traceparent.get()


def current_trace_id() -> str:
    """32 hex digits, or the empty string outside a request."""
    return _traceparent.get()[3:35]


class TraceMiddleware:
    """Binds the trace of each request for logs and calls; answers with ``traceparent``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = TRACEPARENT.fullmatch(Headers(scope=scope).get("traceparent", ""))
        trace_id = given[1] if given else secrets.token_hex(16)
        traceparent = f"00-{trace_id}-{secrets.token_hex(8)}-01"
        token = _traceparent.set(traceparent)

        async def send_with_trace(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["traceparent"] = traceparent
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(trace_id=trace_id):
                await self.app(scope, receive, send_with_trace)
        finally:
            _traceparent.reset(token)
