"""One request through to Azurite and its answer back, bytes as they come, never a whole blob in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from emulators.storage.errors import ClientGoneError, UpstreamError

# RFC 9110 7.6.1, and Expect: the server side has answered it already.
HOP_BY_HOP = frozenset(
    name.lower()
    for name in (
        hdrs.CONNECTION,
        hdrs.KEEP_ALIVE,
        "Proxy-Connection",
        hdrs.PROXY_AUTHENTICATE,
        hdrs.PROXY_AUTHORIZATION,
        hdrs.TE,
        hdrs.TRAILER,
        hdrs.TRANSFER_ENCODING,
        hdrs.UPGRADE,
        hdrs.EXPECT,
    )
)
STALLED_S = 120.0
TIMEOUT = aiohttp.ClientTimeout(total=None, connect=5, sock_read=STALLED_S)


class Body:
    """A request's body on its way. ``size`` is the bytes sent on so far; ``gone`` tells that the client broke off."""

    def __init__(self, request: web.Request) -> None:
        self._content = request.content
        self.size = 0
        self.gone = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(STALLED_S):
                    chunk = await self._content.readany()
            except (OSError, aiohttp.ClientError, web.RequestPayloadError, TimeoutError) as error:
                self.gone = True
                raise ClientGoneError("the request's body ended early") from error
            if not chunk:
                return
            self.size += len(chunk)
            yield chunk


def _without_hops(headers: list[tuple[str, str]]) -> CIMultiDict[str]:
    named = {
        name.strip().lower()
        for key, value in headers
        if key.lower() == "connection"
        for name in value.split(",")
    }
    drop = HOP_BY_HOP | named
    return CIMultiDict((key, value) for key, value in headers if key.lower() not in drop)


@asynccontextmanager
async def sent_on(
    session: aiohttp.ClientSession, upstream: str, request: web.Request, body: Body
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Azurite's answer to ``request``, its body still to be read.

    Method, path, query, Host and every other end-to-end header go on as they came: signatures cover them.
    Raises ClientGoneError, UpstreamError.
    """
    try:
        answer = await session.request(
            request.method,
            URL(upstream + request.raw_path, encoded=True),
            headers=_without_hops(list(request.headers.items())),
            data=body.__aiter__() if request.can_read_body else None,
            allow_redirects=False,
            timeout=TIMEOUT,
        )
    except (aiohttp.ClientError, TimeoutError, OSError, ClientGoneError) as error:
        if body.gone:
            raise ClientGoneError("the client went away in the middle of its upload") from error
        raise UpstreamError(f"{type(error).__name__}: {error}") from error
    async with answer:
        yield answer


async def passed_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Send Azurite's answer to the client. If Azurite breaks off, so does the client's connection."""
    raw = [
        (key.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for key, value in answer.raw_headers
    ]
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_without_hops(raw))
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError, OSError):
        # Ending the body here would make a cut-off blob look whole.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response
