"""A hand-written Event Grid namespace in memory, over real HTTP, with faults on demand."""

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "fake-key"


@dataclass
class Held:
    """An event of one subscription. ``body`` is its JSON text as published."""

    body: str
    available_at: float = 0.0
    token: str = ""
    locked_until: float = 0.0
    deliveries: int = 0


@dataclass
class Call:
    """A request as it came."""

    operation: str
    topic: str
    subscription: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def tokens(self) -> list[str]:
        """The lock tokens of an acknowledge, release, reject or renewLock."""
        return list(json.loads(self.body)["lockTokens"])


Fault = Callable[[Call], "web.Response | None"]


def error(status: int, code: str, message: str = "injected", **headers: str) -> web.Response:
    """An error answer in Event Grid's shape."""
    return web.json_response(
        {"error": {"code": code, "message": message}},
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


class FakeEventGrid:
    """State and knobs.

    ``faults`` are asked in turn, oldest first, for an answer to give instead of the real one. ``token_errors`` maps a
    lock token to the error code its next settling fails with. ``after`` faults answer after the work was done.
    With ``ending``, receive calls are answered at once with nothing.
    Calls of an operation in ``holds`` wait for its event. ``polling`` receive calls wait for events now.
    """

    def __init__(self, lock_s: float = 60.0, subscriptions: dict[str, list[str]] | None = None) -> None:
        self.lock_s = lock_s
        self.subscriptions = subscriptions or {"orders": ["app"]}
        self.queues: dict[tuple[str, str], list[Held]] = defaultdict(list)
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.after: list[Fault] = []
        self.token_errors: dict[str, str] = {}
        self.acknowledged: list[dict[str, Any]] = []
        self.rejected: list[str] = []
        self.holds: dict[str, asyncio.Event] = {}
        self.authorization = {f"SharedAccessKey {KEY}"}
        self.endpoint = ""
        self.polling = 0
        self.ending = False
        self._changed = asyncio.Event()
        self._tokens = itertools.count(1)

    def put(self, topic: str, *events: dict[str, Any] | str) -> None:
        """Publish without HTTP. A str is taken as the event's JSON text, valid or not."""
        for event in events:
            text = event if isinstance(event, str) else json.dumps(event)
            for subscription in self.subscriptions[topic]:
                self.queues[topic, subscription].append(Held(text))
        self._changed.set()

    def of(self, operation: str) -> list[Call]:
        """The calls of one operation."""
        return [call for call in self.calls if call.operation == operation]

    def left(self, topic: str = "orders", subscription: str = "app") -> int:
        """Events not settled."""
        return len(self.queues[topic, subscription])

    def locked(self, topic: str = "orders", subscription: str = "app") -> int:
        """Events locked now."""
        now = time.monotonic()
        return sum(1 for held in self.queues[topic, subscription] if held.token and held.locked_until > now)

    def fail_next(self, operation: str, *answers: web.Response | None) -> None:
        """The next calls of ``operation`` get these answers; None lets one through."""
        left = list(answers)

        def fault(call: Call) -> web.Response | None:
            if call.operation != operation or not left:
                return None
            return left.pop(0)

        self.faults.append(fault)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path, _, operation = request.path.rpartition(":")
        parts = path.strip("/").split("/")
        topic, subscription = parts[1], parts[3] if len(parts) > 3 else ""
        call = Call(
            operation, topic, subscription, dict(request.query), dict(request.headers), await request.read()
        )
        self.calls.append(call)
        if operation in self.holds:
            await asyncio.wait_for(self.holds[operation].wait(), 20)
        for fault in self.faults:
            answer = fault(call)
            if answer is not None:
                return answer
        if request.headers.get("Authorization") not in self.authorization:
            return error(401, "Unauthorized")
        if topic not in self.subscriptions or (
            subscription and subscription not in self.subscriptions[topic]
        ):
            return error(404, "ResourceNotFound", f"no such topic or subscription: {topic} {subscription}")
        answer = await self._answer(call, request)
        for fault in self.after:
            instead = fault(call)
            if instead is not None:
                return instead
        return answer

    async def _answer(self, call: Call, request: web.Request) -> web.Response:
        if call.operation == "publish":
            return self._publish(call)
        if call.operation == "receive":
            self.polling += 1
            try:
                return await self._receive(call, request)
            finally:
                self.polling -= 1
        return self._settle(call)

    def _publish(self, call: Call) -> web.Response:
        if len(call.body) > 1024 * 1024:
            return error(413, "PayloadTooLarge")
        events = json.loads(call.body)
        if any("poison" in event for event in events):
            return error(400, "BadRequest", "an event is poisonous")
        for event in events:
            self.put(call.topic, event)
        return web.json_response({})

    async def _receive(self, call: Call, request: web.Request) -> web.Response:
        deadline = time.monotonic() + float(call.query.get("maxWaitTime", 60))
        most = int(call.query.get("maxEvents", 1))
        while True:
            now = time.monotonic()
            free = [
                held
                for held in self.queues[call.topic, call.subscription]
                if held.available_at <= now and (not held.token or held.locked_until <= now)
            ][:most]
            gone = self.ending or request.transport is None or request.transport.is_closing()
            if free or now >= deadline or gone:
                break
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 0.02)
            except TimeoutError:
                continue
        value = []
        for held in [] if gone else free:
            held.token = f"token-{next(self._tokens)}"
            held.locked_until = now + self.lock_s
            held.deliveries += 1
            broker = json.dumps({"lockToken": held.token, "deliveryCount": held.deliveries})
            value.append(f'{{"brokerProperties":{broker},"event":{held.body}}}')
        return web.Response(text=f'{{"value":[{",".join(value)}]}}', content_type="application/json")

    def _settle(self, call: Call) -> web.Response:
        queue = self.queues[call.topic, call.subscription]
        now = time.monotonic()
        succeeded, failed = [], []
        for token in call.tokens:
            held = next((one for one in queue if one.token == token), None)
            code = self.token_errors.pop(token, None)
            if code is None and (held is None or held.locked_until <= now):
                code = "TokenLost"
            if code is not None or held is None:
                failed.append({"lockToken": token, "error": {"code": code, "message": "injected"}})
                continue
            succeeded.append(token)
            if call.operation == "renewLock":
                held.locked_until = now + self.lock_s
            elif call.operation == "release":
                held.token, held.locked_until = "", 0.0
                held.available_at = now + float(call.query.get("releaseDelayInSeconds", 0))
            else:
                queue.remove(held)
                if call.operation == "acknowledge":
                    self.acknowledged.append(json.loads(held.body))
                else:
                    self.rejected.append(held.body)
        self._changed.set()
        return web.json_response({"succeededLockTokens": succeeded, "failedLockTokens": failed})


@asynccontextmanager
async def running(fake: FakeEventGrid, port: int = 0) -> AsyncIterator[FakeEventGrid]:
    """Serve ``fake`` on loopback; its ``endpoint`` says where."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/{path:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    fake.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    """A CloudEvent."""
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "/tests",
        "type": "tests.happened",
        "data": {"number": number},
        **more,
    }
