"""The component under a real daprd, with the Event Grid emulator behind it and a small app before it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.integration.eventgrid_pubsub.conftest import PUBSUB
from tests.support.daprd import start_async
from tests.support.eventgrid_component import ComponentProcess
from tests.support.eventgrid_process import EventGridProcess
from tests.support.subscriber import Subscriber, lanes, listening
from tests.support.waiting import until

pytestmark = pytest.mark.integration
Resource = Callable[..., dict[str, Any]]


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
        await until(
            lambda: grid.queue("orders", "app")["available"] + grid.queue("orders", "app")["locked"] == 0
        )
