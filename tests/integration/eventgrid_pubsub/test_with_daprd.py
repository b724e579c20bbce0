"""The component under a real daprd, with the Event Grid emulator behind it and a small app before it."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from tests.integration.eventgrid_pubsub.conftest import PUBSUB, Resource, settled
from tests.support.daprd import start, start_async
from tests.support.eventgrid_component import ComponentProcess
from tests.support.eventgrid_process import EventGridProcess
from tests.support.fake_event_grid import event
from tests.support.subscriber import DROP, RETRY, SUCCESS, Subscriber, lanes, listening
from tests.support.waiting import until

pytestmark = pytest.mark.integration


def publish(grid: EventGridProcess, topic: str, *events: dict[str, Any]) -> None:
    """Publish to the emulator as another publisher would."""
    httpx.post(
        f"{grid.url}/topics/{topic}:publish?api-version=2024-06-01",
        json=list(events),
        headers={
            "Authorization": f"SharedAccessKey {grid.key}",
            "Content-Type": "application/cloudevents-batch+json; charset=utf-8",
        },
    ).raise_for_status()


async def test_published_through_dapr_arrives_through_dapr(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", 4))) as app,
        start_async("app", [resource()], app_port=app.port, env=component.env) as dapr,
        httpx.AsyncClient(base_url=dapr.url) as http,
    ):
        for number in range(20):
            answer = await http.post(f"/v1.0/publish/{PUBSUB}/orders", json={"number": number})
            assert answer.status_code == 204, answer.text
        await until(lambda: len(app.events) == 20, what="20 events")
        assert sorted(event["data"]["number"] for event in app.events) == list(range(20))
        one = app.events[0]
        assert one["topic"] == "orders"
        assert one["pubsubname"] == PUBSUB
        assert one["datacontenttype"].startswith("application/json")
        assert "traceparent" in one
        await until(lambda: settled(grid))


async def test_bulk_publish(grid: EventGridProcess, component: ComponentProcess, resource: Resource) -> None:
    entries = [
        {"entryId": str(number), "event": {"number": number}, "contentType": "application/json"}
        for number in range(50)
    ]
    large = {"entryId": "large", "event": "x" * 1_100_000, "contentType": "text/plain"}
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", 4))) as app,
        start_async("app", [resource()], app_port=app.port, env=component.env) as dapr,
        httpx.AsyncClient(base_url=dapr.url, timeout=30) as http,
    ):
        answer = await http.post(f"/v1.0-alpha1/publish/bulk/{PUBSUB}/orders", json=entries)
        assert answer.status_code == 204, answer.text
        await until(lambda: len(app.events) == 50, what="50 events")
        answer = await http.post(f"/v1.0-alpha1/publish/bulk/{PUBSUB}/orders", json=[*entries[:2], large])
        assert answer.status_code == 500
        assert {failed["entryId"] for failed in answer.json()["failedEntries"]} == {"0", "1", "large"}
        assert "nothing was published: large: the event has" in answer.text
        await until(lambda: settled(grid))
        assert len(app.events) == 50


async def test_retry_comes_again_and_drop_does_not(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async def handler(given: dict[str, Any]) -> str:
        if given["id"] == "event-1":
            return RETRY if app.ids().count("event-1") < 3 else SUCCESS
        return DROP

    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", 2), handler)) as app,
        start_async("app", [resource()], app_port=app.port, env=component.env),
    ):
        publish(grid, "orders", event(1), event(2))
        await until(lambda: app.ids().count("event-1") == 3 and settled(grid))
        assert app.ids().count("event-2") == 1
        counts = [
            headers["deliverycount"]
            for given, headers in zip(app.events, app.headers, strict=True)
            if given["id"] == "event-1"
        ]
        assert counts == ["1", "2", "3"]


async def test_lanes_work_at_the_same_time(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    together = asyncio.Event()

    async def handler(_given: dict[str, Any]) -> str:
        if app.working == 8:
            together.set()
        await asyncio.wait_for(together.wait(), 15)
        return SUCCESS

    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", 8), handler)) as app,
        start_async("app", [resource()], app_port=app.port, env=component.env),
    ):
        publish(grid, "orders", *(event(number) for number in range(8)))
        await until(lambda: settled(grid), 20, "8 handlers at the same time")
        assert app.most_at_once == 8


async def test_events_of_storage_arrive_whole(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    created = event(
        1, type="Microsoft.Storage.BlobCreated", subject="/blobServices/default/containers/i/blobs/a.jpg"
    )
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders"))) as app,
        start_async("app", [resource()], app_port=app.port, env=component.env),
    ):
        publish(grid, "orders", created)
        await until(lambda: app.events)
        assert app.events[0] == created
        assert app.headers[0]["content-type"] == "application/cloudevents+json"


async def test_raw_payloads_go_through(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", 1, rawPayload="true"))) as app,
        start_async("app", [resource()], app_port=app.port, env=component.env) as dapr,
        httpx.AsyncClient(base_url=dapr.url) as http,
    ):
        answer = await http.post(
            f"/v1.0/publish/{PUBSUB}/orders?metadata.rawPayload=true",
            content=b"\x00raw\xff",
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 204, answer.text
        await until(lambda: app.events)
        assert base64.b64decode(app.events[0]["data_base64"]) == b"\x00raw\xff"


async def test_two_sidecars_share_a_socket_and_each_gets_everything(
    grid: EventGridProcess, component: ComponentProcess, resource: Resource
) -> None:
    async with (
        listening(Subscriber(lanes(PUBSUB, "orders", 3))) as app,
        listening(Subscriber(lanes(PUBSUB, "orders", 3))) as other,
        start_async("app", [resource()], app_port=app.port, env=component.env) as dapr,
        start_async("other", [resource()], app_port=other.port, env=component.env) as second,
    ):
        publish(grid, "orders", *(event(number) for number in range(10)))
        await until(lambda: len(app.events) == len(other.events) == 10)
        await asyncio.to_thread(second.stop)  # it pauses its component first: not that of others
        publish(grid, "orders", event(99))
        await until(lambda: "event-99" in app.ids())
        assert dapr.process.poll() is None


async def test_bad_metadata_stops_daprd_and_says_what_is_allowed(
    component: ComponentProcess, resource: Resource
) -> None:
    # Not by its readiness: daprd may say that it is ready and end a moment later.
    with start("app", [resource(maxEvents="1000")], env=component.env, wait=False) as daprd:
        await until(lambda: daprd.process.poll() is not None, 30, "daprd has ended")
        assert daprd.process.returncode
        assert "maxEvents: '1000' given, allowed is a whole number from 1 to 100" in daprd.log()
