"""A namespace in this process, on a clock that only the test moves."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson

from emulators.eventgrid.admin import AdminPlane
from emulators.eventgrid.app import DataPlane
from emulators.eventgrid.auth import Authorizer
from emulators.eventgrid.config import parse
from emulators.eventgrid.faults import Faults
from emulators.eventgrid.namespace import Namespace, Outcome, Settlement
from emulators.eventgrid.segments import Delivery
from emulators.eventgrid.store import Store
from emulators.eventgrid.subscription import Subscription
from tests.support.waiting import until

KEY = "a-key"
START = 1_800_000_000.0
Topics = Mapping[str, Mapping[str, Mapping[str, Any]]]


class ManualClock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time


class Grid:
    """A namespace over a database file; ``reopen`` is a restart."""

    def __init__(self, path: Path, topics: Topics) -> None:
        self.path = path
        self.topics = topics
        self.clock = ManualClock()
        self.namespace: Namespace
        self.store: Store

    async def open(self, max_stored_bytes: int = 1 << 30) -> "Grid":
        self.store = Store(self.path)
        self.namespace = Namespace(config(self.topics), self.store, self.clock, max_stored_bytes)
        return self

    async def close(self) -> None:
        await self.namespace.close()
        self.store.close()

    async def reopen(self, topics: Topics | None = None) -> None:
        await self.close()
        self.topics = topics or self.topics
        await self.open()

    def advance(self, seconds: float) -> None:
        self.clock.time += seconds
        self.namespace.tick()

    def subscription(self, topic: str = "orders", name: str = "worker") -> Subscription:
        return self.namespace.subscription(topic, name)

    async def publish(self, *ids: str, topic: str = "orders") -> None:
        bodies = [orjson.dumps(event(id_)) for id_ in ids]
        await self.namespace.publish(self.namespace.topic(topic), bodies)

    def take(self, limit: int = 100, topic: str = "orders", name: str = "worker") -> list[Delivery]:
        return self.namespace.take(self.subscription(topic, name), limit)

    async def settle(
        self, operation: Settlement, deliveries: list[Delivery], delay_s: float = 0, name: str = "worker"
    ) -> Outcome:
        tokens = [delivery.token for delivery in deliveries]
        return await self.namespace.settle(operation, self.subscription(name=name), tokens, delay_s)

    async def polling(self, wait_s: float = 60, limit: int = 100, name: str = "worker") -> "Polling":
        """A long poll that is waiting by now."""
        subscription = self.subscription(name=name)
        before = self.namespace.waiting(subscription)
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self.namespace.receive(subscription, limit, wait_s, gone))
        await until(lambda: self.namespace.waiting(subscription) > before, what="the poll waits")
        return Polling(task, gone)

    def client(self, faults: Faults | None = None) -> httpx.AsyncClient:
        """HTTP into the whole application, with the access key and an api-version."""
        faults = faults or Faults()
        admin = AdminPlane(self.namespace, faults, self.clock)
        app = DataPlane(self.namespace, Authorizer(KEY, self.clock), faults, admin)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://grid",
            headers={"Authorization": f"SharedAccessKey {KEY}"},
            params={"api-version": "2024-06-01"},
        )


class Polling:
    def __init__(self, task: "asyncio.Task[list[Delivery]]", gone: "asyncio.Future[None]") -> None:
        self.task = task
        self.gone = gone

    async def result(self) -> list[Delivery]:
        return await asyncio.wait_for(self.task, 5)


def config(topics: Topics) -> Any:
    document = {
        "access_key": KEY,
        "topics": {topic: {"subscriptions": subscriptions} for topic, subscriptions in topics.items()},
    }
    return parse(document)


def event(id_: str, **attributes: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id_, "source": "/tests", "type": "test.event", **attributes}


def ids(deliveries: list[Delivery]) -> list[str]:
    return [orjson.loads(delivery.event.body)["id"] for delivery in deliveries]


def contents(deliveries: list[Delivery]) -> list[dict[str, Any]]:
    return [orjson.loads(delivery.event.body) for delivery in deliveries]
