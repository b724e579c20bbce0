"""A small app behind daprd: subscribes over HTTP, keeps what it was sent, answers as told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.support.ports import free_port

SUCCESS, RETRY, DROP = "SUCCESS", "RETRY", "DROP"
Handler = Callable[[dict[str, Any]], Awaitable[str]]


async def succeed(_event: dict[str, Any]) -> str:
    return SUCCESS


class Subscriber:
    """``handler`` gives SUCCESS, RETRY or DROP for each event.

    ``events`` are in order of arrival, and so are ``headers``, their names in lower case.
    """

    def __init__(self, subscriptions: Sequence[dict[str, Any]], handler: Handler = succeed) -> None:
        self.subscriptions = list(subscriptions)
        self.handler = handler
        self.port = free_port()
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.working = 0
        self.most_at_once = 0

    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]

    async def _subscribe(self, _request: web.Request) -> web.Response:
        return web.json_response(self.subscriptions)

    async def _event(self, request: web.Request) -> web.Response:
        event = json.loads(await request.read())
        self.events.append(event)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.working += 1
        self.most_at_once = max(self.most_at_once, self.working)
        try:
            status = await self.handler(event)
        finally:
            self.working -= 1
        return web.json_response({"status": status})


def lanes(pubsub: str, topic: str, count: int = 1, **metadata: str) -> list[dict[str, Any]]:
    """Subscriptions to ``topic``, ``topic#1``, … all handled by one route."""
    names = [topic] + [f"{topic}#{number}" for number in range(1, count)]
    return [{"pubsubname": pubsub, "topic": name, "route": "/events", "metadata": metadata} for name in names]


@asynccontextmanager
async def listening(subscriber: Subscriber) -> AsyncIterator[Subscriber]:
    """Serve the app on its port, in this event loop."""
    app = web.Application(client_max_size=32 * 1024 * 1024)
    app.router.add_get("/dapr/subscribe", subscriber._subscribe)
    app.router.add_post("/events", subscriber._event)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", subscriber.port).start()
    try:
        yield subscriber
    finally:
        await asyncio.wait_for(runner.cleanup(), 10)
