"""What dies comes back, and nothing is lost: daprd, the component, Event Grid."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.integration.eventgrid_pubsub.conftest import PUBSUB, Resource, bump_generation, settled
from tests.integration.eventgrid_pubsub.test_with_daprd import publish
from tests.support.daprd import Daprd, start
from tests.support.eventgrid_component import ComponentProcess
from tests.support.eventgrid_process import EventGridProcess
from tests.support.fake_event_grid import event
from tests.support.subscriber import SUCCESS, Subscriber, lanes, listening
from tests.support.waiting import until

pytestmark = pytest.mark.integration
LANES = 8
ROUNDS = int(os.environ.get("CLAIMLENS_FAULT_ROUNDS", "10"))
EVENTS = 2_000


class Sidecar:
    """A daprd that can be killed and started again on the same ports."""

    def __init__(self, resource: dict[str, Any], app: Subscriber, component: ComponentProcess) -> None:
        graceful = ("--dapr-graceful-shutdown-seconds", "10")
        self._options: dict[str, Any] = {
            "app_port": app.port,
            "env": component.env,
            "wait": False,
            "args": graceful,
        }
        self._resource = resource
        self._running: Any = None
        self.dapr: Daprd

    async def start(self) -> None:
        self._running = start("app", [self._resource], **self._options)
        self.dapr = self._running.__enter__()
        self._options["ports"] = {"http": self.dapr.http_port, "grpc": self.dapr.grpc_port}
        await self.dapr.ready()

    async def end(self, number: signal.Signals) -> None:
        running, self._running = self._running, None
        if running is not None:
            self.dapr._signal(number)
            await until(lambda: self.dapr.process.poll() is not None, 15, "daprd's end")
            running.__exit__(None, None, None)


@asynccontextmanager
async def sidecar(
    resource: dict[str, Any], app: Subscriber, component: ComponentProcess
) -> AsyncIterator[Sidecar]:
    one = Sidecar(resource, app, component)
    try:
        await one.start()
        yield one
    finally:
        await one.end(signal.SIGKILL)


async def restart_component(component: ComponentProcess, dapr: Daprd) -> None:
    """Start it again after its death, and let daprd open its streams anew."""
    await asyncio.to_thread(component.start)
    bump_generation(dapr)


async def test_a_change_of_generation_reopens_the_streams(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", LANES))) as app,
        sidecar(resource(), app, component) as one,
    ):
        publish(grid, "orders", event(1))
        await until(lambda: app.ids() == ["event-1"])
        bump_generation(one.dapr)
        await until(lambda: component.metric("dapr_eventgrid_lanes") == LANES, what="as many lanes as before")
        publish(grid, "orders", event(2))
        await until(lambda: app.ids() == ["event-1", "event-2"] and settled(grid))


async def test_after_a_restart_of_the_component_what_was_in_hand_comes_again(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    stuck = asyncio.Event()

    async def handler(_given: dict[str, Any]) -> str:
        await asyncio.wait_for(stuck.wait(), 60)
        return SUCCESS

    async with (
        listening(Subscriber(lanes(PUBSUB, "brief", 2), handler)) as app,
        sidecar(resource(lockDuration="3s"), app, component) as one,
    ):
        publish(grid, "brief", event(1))
        await until(lambda: app.ids() == ["event-1"])
        component.kill()
        stuck.set()
        await restart_component(component, one.dapr)
        await until(lambda: app.ids() == ["event-1", "event-1"], 30)
        await until(lambda: settled(grid, "brief"))


async def test_sigterm_of_the_component_settles_what_it_holds(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", LANES))) as app,
        sidecar(resource(), app, component) as one,
    ):
        publish(grid, "orders", *(event(number) for number in range(300)))
        await until(lambda: len(app.events) > 50)
        assert await asyncio.to_thread(component.stop) == 0
        queue = grid.queue("orders", "app")
        assert queue["locked"] == 0
        assert len(set(app.ids())) == 300 - queue["available"] == len(app.events)
        await restart_component(component, one.dapr)
        await until(lambda: len(set(app.ids())) == 300, 30)
        assert len(app.events) == 300, "no event came twice"


async def test_daprd_may_stop_in_good_order_and_only_what_was_in_hand_can_come_twice(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", LANES))) as app,
        sidecar(resource(), app, component) as one,
    ):
        publish(grid, "orders", *(event(number) for number in range(300)))
        await until(lambda: len(app.events) > 50)
        await one.end(signal.SIGTERM)
        await until(lambda: grid.queue("orders", "app")["locked"] == 0, what="everything given back")
        await one.start()
        await until(lambda: len(set(app.ids())) == 300 and settled(grid), 30)
        # daprd ends its streams before it answers for a handler that is done in the same moment.
        assert len(app.events) <= 300 + LANES


async def test_kills_of_daprd_the_component_and_event_grid_lose_nothing(
    grid: EventGridProcess,
    component: ComponentProcess,
    resource: Resource,
    record_property: Callable[[str, object], None],
) -> None:
    numbers = itertools.count()
    each = -(-EVENTS // (3 * ROUNDS))

    async def under_way(app: Subscriber) -> None:
        """Publish, and wait until handlers are at it."""
        before = len(app.events)
        publish(grid, "brief", *(event(next(numbers)) for _ in range(each)))
        await until(lambda: len(app.events) > before, 60, "events under way")

    async def handler(_given: dict[str, Any]) -> str:
        await asyncio.sleep(0.01)
        return SUCCESS

    async with (
        listening(Subscriber(lanes(PUBSUB, "brief", LANES), handler)) as app,
        sidecar(resource(lockDuration="3s"), app, component) as one,
    ):
        for _ in range(ROUNDS):
            await under_way(app)
            component.kill()
            await restart_component(component, one.dapr)
            await under_way(app)
            await asyncio.to_thread(grid.kill)
            await asyncio.to_thread(grid.start)
            await under_way(app)
            await one.end(signal.SIGKILL)
            await one.start()
        published = {f"event-{number}" for number in range(next(numbers))}
        await until(lambda: set(app.ids()) == published, 60, "every event handled")
        await until(lambda: settled(grid, "brief"), 30)
        duplicates = len(app.events) - len(published)
        record_property(
            "measured",
            f"{len(published)} events, {ROUNDS} kills each of the component, Event Grid and daprd: all handled, "
            f"{duplicates} of them more than once",
        )
