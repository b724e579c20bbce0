"""What every prediction call passes on its way in: the record of calls, faults, the key, the rate limit."""

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from emulators.vision.calls import Call, CallLog
from emulators.vision.engine.analyzer import Engine
from emulators.vision.errors import AccessDenied, AnalysisTimeout, TooManyRequests, VisionError
from emulators.vision.faults import Fault, Faults
from emulators.vision.fetching import Fetcher
from emulators.vision.limits import RateLimit
from emulators.vision.metrics import Metrics
from emulators.vision.wire.answers import answer
from emulators.vision.wire.bodies import Body, read_body
from emulators.vision.workers import Workers

log = structlog.get_logger(__name__)

CLIENT_LEFT = 499
Render = Callable[[VisionError], Response]
Found = TypeVar("Found")


class Gateway:
    """Admits calls and counts them. ``key_headers``: where the account's key may stand."""

    def __init__(
        self,
        *,
        key: str,
        limit: RateLimit,
        workers: Workers,
        fetcher: Fetcher,
        calls: CallLog,
        faults: Faults,
        metrics: Metrics,
    ) -> None:
        self._key = key
        self._limit = limit
        self._workers = workers
        self._fetcher = fetcher
        self._calls = calls
        self._faults = faults
        self._metrics = metrics

    async def admit(
        self,
        request: Request,
        operation: str,
        key_header: str,
        work: Callable[["Visit"], Awaitable[Response]],
        render: Render,
    ) -> Response:
        """Answer ``request`` by ``work``; refusals are shaped by ``render``. Counts it whatever happens."""
        call = self._calls.begin(operation)
        visit = Visit(request, call, self._workers, self._fetcher)
        try:
            response = await self._answer(visit, key_header, work)
        except VisionError as error:
            response = render(error)
        except ClientDisconnect:
            response = Response(status_code=CLIENT_LEFT)
        except asyncio.CancelledError:
            call.finish(CLIENT_LEFT)
            raise
        call.finish(response.status_code)
        self._metrics.observe(call)
        log.info("call", **{name: value for name, value in call.as_json().items() if value is not None})
        return response

    async def _answer(
        self, visit: "Visit", key_header: str, work: Callable[["Visit"], Awaitable[Response]]
    ) -> Response:
        fault = self._faults.take()
        if fault is not None:
            visit.call.fault = fault.name
            planted = await self._suffer(visit, fault)
            if planted is not None:
                return planted
        self._check_key(visit.request, key_header)
        wait_s = self._limit.take()
        if wait_s is not None:
            raise TooManyRequests(wait_s)
        async with self._workers.room():
            return await work(visit)

    async def _suffer(self, visit: "Visit", fault: Fault) -> Response | None:
        if fault.hang or fault.delay_s:
            await visit.wait_or_leave(self._faults.stall(fault))
            if self._faults.closed:
                raise AnalysisTimeout("The emulator is ending.")
        if fault.status is not None:
            headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            error = {"code": str(fault.status), "message": "A fault that a test ordered."}
            return answer({"error": error, **error}, fault.status, headers)
        if fault.garbage:
            return Response(
                b'{"modelVersion": "2023-10-01", "tagsResult": {"val', 200, media_type="application/json"
            )
        return None

    def _check_key(self, request: Request, key_header: str) -> None:
        given = request.headers.get(key_header)
        if given is not None:
            if hmac.compare_digest(given.encode(), self._key.encode()):
                return
            raise AccessDenied
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AccessDenied


class Visit:
    """One admitted call: its request, read at most once, and the way to the engine."""

    def __init__(self, request: Request, call: Call, workers: Workers, fetcher: Fetcher) -> None:
        self.request = request
        self.call = call
        self._workers = workers
        self._fetcher = fetcher
        self._body: Body | VisionError | None = None

    async def body(self) -> Body:
        """The picture or link in the request. Raises what ``read_body`` raises."""
        if self._body is None:
            try:
                self._body = await read_body(self.request)
            except VisionError as error:
                self._body = error
        if isinstance(self._body, VisionError):
            raise self._body
        return self._body

    async def picture(self) -> bytes:
        """The bytes of the picture, fetched if it is behind a link. Raises VisionError."""
        body = await self.body()
        if body.url:
            self.call.url_path = urlsplit(body.url).path
        data = body.image or await self._fetcher.fetch(body.url)
        self.call.sha256 = hashlib.sha256(data).hexdigest()
        return data

    async def run(self, look: Callable[[Engine], Found]) -> Found:
        """What ``look`` gives when it is run with the engine, off the event loop. Raises VisionError."""
        return await self._workers.run(look)

    async def wait_or_leave(self, waiting: Awaitable[None]) -> None:
        """Wait, unless the client goes away first. Raises ClientDisconnect then."""
        with contextlib.suppress(VisionError):  # told after the wait
            await self.body()
        wait = asyncio.ensure_future(waiting)
        gone = asyncio.ensure_future(self._gone())
        done, pending = await asyncio.wait({wait, gone}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if wait not in done:
            raise ClientDisconnect

    async def _gone(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass
