"""The scenarios of Dapr's conformance tests for pub/sub, through daprd's own client of pluggable components.

Source: dapr/components-contrib v1.18.3, tests/conformance/pubsub: publish and read with deliberate handler errors,
bulk publish, bulk subscription, several subscribers, stopping and continuing. Order is not checked, as for every
broker that promises none.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiohttp import web

from tests.integration.eventgrid_pubsub.conftest import PUBSUB, SETTINGS, Resource, settled
from tests.support.daprd import Daprd, start_async
from tests.support.eventgrid_component import ComponentProcess
from tests.support.eventgrid_process import EventGridProcess, eventgrid
from tests.support.subscriber import RETRY, SUCCESS, Subscriber, lanes, listening
from tests.support.waiting import until

pytestmark = pytest.mark.integration
MESSAGES = 10
TOPICS = {name: {"app": SETTINGS} for name in ("test-topic", "multi-topic-1", "multi-topic-2")}


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[EventGridProcess]:
    with eventgrid(tmp_path, TOPICS) as process:
        yield process


class World:
    """daprd with the component, and an app behind it."""

    def __init__(self, dapr: Daprd, http: httpx.AsyncClient) -> None:
        self.dapr = dapr
        self._http = http

    async def publish(self, topic: str, *messages: str) -> None:
        for message in messages:
            answer = await self._http.post(f"/v1.0/publish/{PUBSUB}/{topic}", json=message)
            assert answer.status_code == 204, answer.text

    async def publish_bulk(self, topic: str, *messages: str) -> None:
        entries = [
            {"entryId": str(n), "event": message, "contentType": "text/plain"}
            for n, message in enumerate(messages)
        ]
        answer = await self._http.post(f"/v1.0-alpha1/publish/bulk/{PUBSUB}/{topic}", json=entries)
        assert answer.status_code == 204, answer.text

    def subscription(self, topic: str, *, there: bool) -> None:
        """Add or take away a declarative subscription; daprd notices."""
        path = self.dapr.resources / f"{topic}.yaml"
        if not there:
            path.unlink()
            return
        document = {
            "apiVersion": "dapr.io/v2alpha1",
            "kind": "Subscription",
            "metadata": {"name": topic},
            "spec": {"topic": topic, "pubsubname": PUBSUB, "routes": {"default": "/events"}},
        }
        new = self.dapr.resources.parent / "subscription.new"
        new.write_text(yaml.safe_dump(document))
        new.replace(path)

    async def subscribed(self) -> set[str]:
        metadata = (await self._http.get("/v1.0/metadata")).json()
        return {entry["topic"] for entry in metadata.get("subscriptions") or []}


@asynccontextmanager
async def world(
    app: Subscriber, component: ComponentProcess, resource: dict[str, Any]
) -> AsyncIterator[World]:
    async with (
        listening(app),
        start_async("app", [resource], app_port=app.port, env=component.env) as dapr,
        httpx.AsyncClient(base_url=dapr.url, timeout=30) as http,
    ):
        yield World(dapr, http)


def messages(first: int, count: int = MESSAGES) -> list[str]:
    return [f"message-{number}" for number in range(first, first + count)]


def read(app: Subscriber) -> list[str]:
    return [event["data"] for event in app.events]


async def test_init_publish_and_read_with_handler_errors(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    seen: list[str] = []
    refused: list[str] = []

    async def handler(event: dict[str, Any]) -> str:
        seen.append(event["data"])
        # The first two, so that more pile up behind them, and each fifth; each of them once.
        if event["data"] not in refused and (len(refused) < 2 or len(seen) % 5 == 0):
            refused.append(event["data"])
            return RETRY
        return SUCCESS

    app = Subscriber(lanes(PUBSUB, "test-topic"), handler)
    async with world(app, component, resource()) as dapr:
        await dapr.publish("test-topic", *messages(1))
        await until(lambda: settled(grid, "test-topic"), 30, "all handled")
        assert set(seen) == set(messages(1))
        assert len(seen) == MESSAGES + len(refused), "what was refused came once more, and nothing else"
        assert len(refused) > 2


async def test_bulk_publish_and_read(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    app = Subscriber(lanes(PUBSUB, "test-topic", 4))
    async with world(app, component, resource()) as dapr:
        await dapr.publish_bulk("test-topic", *messages(1))
        await until(lambda: settled(grid, "test-topic") and len(app.events) == MESSAGES, 30)
        assert sorted(read(app)) == sorted(messages(1))


class BulkSubscriber(Subscriber):
    """Takes deliveries in bulk; refuses each message with ``refuse`` in it once."""

    def __init__(self, topic: str) -> None:
        bulk = {"enabled": True, "maxMessagesCount": 5, "maxAwaitDurationMs": 200}
        super().__init__([{"pubsubname": PUBSUB, "topic": topic, "route": "/events", "bulkSubscribe": bulk}])
        self.sizes: list[int] = []
        self._refused: set[str] = set()

    async def _event(self, request: web.Request) -> web.Response:
        entries = json.loads(await request.read())["entries"]
        self.sizes.append(len(entries))
        statuses = []
        for entry in entries:
            self.events.append(entry["event"])
            text = entry["event"]["data"]
            refuse = "refuse" in text and text not in self._refused
            self._refused |= {text} if refuse else set()
            statuses.append({"entryId": entry["entryId"], "status": RETRY if refuse else SUCCESS})
        return web.json_response({"statuses": statuses})


async def test_bulk_subscription_with_errors_in_a_batch(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    app = BulkSubscriber("test-topic")
    async with world(app, component, resource()) as dapr:
        texts = [*messages(1), "refuse-1"]
        await dapr.publish_bulk("test-topic", *texts)
        await until(lambda: settled(grid, "test-topic"), 60, "all handled")
        assert set(read(app)) == set(texts)
        assert read(app).count("refuse-1") == 2


async def test_several_subscribers_each_get_their_own(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    app = Subscriber([*lanes(PUBSUB, "multi-topic-1", 2), *lanes(PUBSUB, "multi-topic-2", 2)])
    async with world(app, component, resource()) as dapr:
        for number in range(MESSAGES):
            await dapr.publish(f"multi-topic-{number % 2 + 1}", f"message-{number}")
        await until(lambda: len(app.events) == MESSAGES, 30, "every message")
        for event in app.events:
            assert event["topic"].partition("#")[0] == f"multi-topic-{int(event['data'][8:]) % 2 + 1}"


async def test_subscribers_stop_and_continue(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    app = Subscriber([])
    one, two = "multi-topic-1", "multi-topic-2"
    async with world(app, component, resource()) as dapr:

        async def subscribed_to(*topics: str) -> None:
            async def are() -> bool:
                return await dapr.subscribed() == set(topics)

            await until(are, 20, f"subscribed to {topics}")

        dapr.subscription(one, there=True)
        dapr.subscription(two, there=True)
        await subscribed_to(one, two)
        await dapr.publish(one, "a1")
        await dapr.publish(two, "b1")
        await until(lambda: sorted(read(app)) == ["a1", "b1"], 20, "both read")

        dapr.subscription(one, there=False)
        await subscribed_to(two)
        await dapr.publish(one, "a2")
        await dapr.publish(two, "b2")
        await until(lambda: "b2" in read(app) and settled(grid, two), 20, "the other goes on")
        assert "a2" not in read(app)
        await until(lambda: grid.queue(one, "app")["available"] == 1, 20, "what nobody reads waits")

        dapr.subscription(one, there=True)
        await until(lambda: "a2" in read(app) and settled(grid, one), 20, "what waited is read")
        assert sorted(read(app)) == ["a1", "a2", "b1", "b2"]
