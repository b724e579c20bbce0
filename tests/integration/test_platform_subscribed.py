"""A real daprd that has asked its app for subscriptions in vain."""

import httpx
import pytest

from services.platform.background import in_background
from services.platform.dapr.sidecar import NotSubscribed, Sidecar
from services.platform.dapr.subscribed import Subscribed
from tests.support import daprd
from tests.support.ports import free_ports
from tests.support.subscriber import Subscriber, lanes, listening
from tests.support.waiting import until

pytestmark = pytest.mark.integration

PUBSUB = "image-events"
TOPICS = ("blob-created", "blob-created#1")
RESOURCES = [daprd.component(PUBSUB, "pubsub.in-memory")]


async def test_it_is_ended_and_the_next_one_subscribes_its_app() -> None:
    http, grpc = free_ports(2)
    ports = {"http": http, "grpc": grpc}
    sidecar = Sidecar(http_port=http, grpc_port=grpc, timeout_s=3)
    subscribed = Subscribed(sidecar, PUBSUB, TOPICS, patience_s=0.5, look_s=0.1)
    # At the first daprd's only question the app has no answer yet.
    async with listening(Subscriber([])) as app, in_background([subscribed.keep]):
        async with daprd.start_async("app", RESOURCES, app_port=app.port, ports=ports) as first:
            await until(lambda: first.process.poll() is not None, 20, "the first daprd has ended")
            assert first.process.returncode == 0
        app.subscriptions = lanes(PUBSUB, TOPICS[0], len(TOPICS))
        async with daprd.start_async("app", RESOURCES, app_port=app.port, ports=ports) as second:

            async def well() -> bool:
                await subscribed.check()
                return True

            await until(well, 10, "the second has subscribed the app")
            async with httpx.AsyncClient(base_url=second.url, timeout=5) as client:
                answer = await client.post(f"/v1.0/publish/{PUBSUB}/{TOPICS[0]}", json={"a": 1})
                answer.raise_for_status()
            await until(lambda: app.events, 10, "the event arrives")
            assert second.process.poll() is None
    await sidecar.close()


async def test_lanes_that_are_missing_are_named() -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, TOPICS[0]))) as app,
        daprd.start_async("app", RESOURCES, app_port=app.port) as process,
    ):
        sidecar = Sidecar(http_port=process.http_port, grpc_port=process.grpc_port, timeout_s=3)

        async def says() -> str:
            try:
                await sidecar.check_subscriptions(PUBSUB, TOPICS)
            except NotSubscribed as error:
                return error.detail
            return ""

        async def second_lane_alone() -> bool:
            return (await says()).startswith("not subscribed to blob-created#1 of")

        await until(second_lane_alone, 10, "the lane that is missing is named")
        await sidecar.close()
