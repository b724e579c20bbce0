"""Deliveries: what the index becomes, and what Dapr is told."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from services.contracts.events import ImageEventType
from services.contracts.names import record_key
from services.contracts.records import ClassificationRequest, ImageRecord, Status
from services.query.adapters.sqlite_index import SqliteIndex
from tests.support.records import classified, received
from tests.support.waiting import until
from tests.unit.query.conftest import World

CREATED = "/events/blob-created"
CHANGED = "/events/image-classified"


def blob_created(
    record: ImageRecord, *, container: str = "images", blob: str | None = None
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "Microsoft.Storage.BlobCreated",
        "source": "/storage",
        "id": "1",
        "subject": f"/blobServices/default/containers/{container}/blobs/{blob or record.image.blob}",
        "time": "2026-11-22T17:05:12.4810337Z",
        "data": {"api": "PutBlob", "eTag": "0x1", "contentType": "image/jpeg", "contentLength": 10},
    }


def changed(identifier: str, kind: ImageEventType = ImageEventType.CLASSIFIED) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": str(kind),
        "source": "/claimlens/classifier",
        "id": "1",
        "subject": identifier,
        "datacontenttype": "application/json",
        "data": {"id": identifier},
    }


async def deliver(client: httpx.AsyncClient, route: str, event: Any) -> str:
    content = event if isinstance(event, bytes) else json.dumps(event).encode()
    response = await client.post(
        route, content=content, headers={"Content-Type": "application/cloudevents+json"}
    )
    assert response.status_code == 200
    return str(response.json()["status"])


async def test_subscriptions_with_their_lanes(client: httpx.AsyncClient) -> None:
    subscriptions = (await client.get("/dapr/subscribe")).json()
    assert [(entry["pubsubname"], entry["topic"], entry["route"]) for entry in subscriptions] == [
        ("image-events", "blob-created", CREATED),
        ("image-events", "blob-created#1", CREATED),
        ("image-events", "image-classified", CHANGED),
        ("image-events", "image-classified#1", CHANGED),
    ]


async def test_a_picture_shows_as_received_at_once(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1))
    assert await deliver(client, CREATED, blob_created(received(1))) == "SUCCESS"
    assert world.index.entries[received(1).id].status is Status.RECEIVED


@pytest.mark.parametrize("kind", [kind for kind in ImageEventType if kind is not ImageEventType.DELETED])
async def test_a_changed_record_is_read_and_indexed(
    world: World, client: httpx.AsyncClient, kind: ImageEventType
) -> None:
    world.store(classified(1, tags={"car": 0.9}))
    assert await deliver(client, CHANGED, changed(received(1).id, kind)) == "SUCCESS"
    assert world.index.entries[received(1).id].tags == {"car": 0.9}


async def test_events_out_of_order_and_twice(world: World, client: httpx.AsyncClient) -> None:
    world.store(classified(1))
    for route, event in [(CHANGED, changed(received(1).id)), (CREATED, blob_created(received(1)))] * 2:
        assert await deliver(client, route, event) == "SUCCESS"
    assert world.index.entries[received(1).id].status is Status.CLASSIFIED


async def test_a_later_type_of_event_is_left_to_a_newer_version(
    world: World, client: httpx.AsyncClient
) -> None:
    world.store(classified(1))
    later = {**changed(received(1).id), "type": "claimlens.image.archived"}
    assert await deliver(client, CHANGED, later) == "RETRY"
    # Requests on storage's topic are the classifier's: query would only wear out its deliveries.
    request = {**blob_created(received(1)), "type": "claimlens.classification.withdrawn"}
    assert await deliver(client, CREATED, request) == "DROP"
    assert not world.index.entries


async def test_a_deleted_picture_goes(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(classified(1))
    await world.records.delete(record_key(received(1).id))
    for _ in range(2):
        assert await deliver(client, CHANGED, changed(received(1).id, ImageEventType.DELETED)) == "SUCCESS"
    assert world.index.entries == {}


async def test_a_late_deletion_of_a_picture_sent_again_keeps_it(
    world: World, client: httpx.AsyncClient
) -> None:
    world.store(received(1))
    assert await deliver(client, CHANGED, changed(received(1).id, ImageEventType.DELETED)) == "SUCCESS"
    assert received(1).id in world.index.entries


async def test_no_record_yet_is_tried_again(world: World, client: httpx.AsyncClient) -> None:
    assert await deliver(client, CREATED, blob_created(received(1))) == "RETRY"
    assert await deliver(client, CHANGED, changed(received(1).id)) == "RETRY"


@pytest.mark.parametrize("part", ["records", "index"])
async def test_trouble_is_tried_again(world: World, client: httpx.AsyncClient, part: str) -> None:
    world.store(received(1))
    getattr(world, part).faults.down = True
    assert await deliver(client, CREATED, blob_created(received(1))) == "RETRY"
    getattr(world, part).faults.down = False
    assert await deliver(client, CREATED, blob_created(received(1))) == "SUCCESS"


async def test_an_unreadable_record_is_tried_again(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1))
    world.records._stored[record_key(received(1).id)].text = "{}"
    assert await deliver(client, CREATED, blob_created(received(1))) == "RETRY"


@pytest.mark.parametrize(
    ("route", "event"),
    [
        (CREATED, b"not json"),
        (CREATED, b"[]"),
        (CREATED, {"specversion": "1.0"}),
        (CREATED, changed("0" * 32)),
        (CREATED, blob_created(received(1), container="other")),
        (CREATED, blob_created(received(1), blob="notes/readme.txt")),
        (CREATED, blob_created(received(1), blob=f"_originals/C-1/{received(1).id}.heic")),
        (CHANGED, blob_created(received(1))),
        (CHANGED, changed("not-an-id")),
        (CHANGED, {**changed("0" * 32), "data": {}}),
        (CHANGED, {**changed("0" * 32), "data": None}),
    ],
)
async def test_what_is_not_ours_is_dropped(client: httpx.AsyncClient, route: str, event: Any) -> None:
    assert await deliver(client, route, event) == "DROP"


async def test_deliveries_in_parallel_end_with_the_newest_state(
    world: World, client: httpx.AsyncClient
) -> None:
    world.store(received(1))
    gate = world.index.faults.hold("put")
    older = asyncio.create_task(deliver(client, CREATED, blob_created(received(1))))
    await until(lambda: world.index.faults.count("put") == 1)
    world.store(classified(1))
    newer = asyncio.create_task(deliver(client, CHANGED, changed(received(1).id)))
    gate.set()
    assert set(await asyncio.gather(older, newer)) == {"SUCCESS"}
    assert world.index.entries[received(1).id].status is Status.CLASSIFIED


async def test_a_deletion_beside_a_slow_delivery_leaves_no_ghost(
    world: World, client: httpx.AsyncClient
) -> None:
    world.store(received(1))
    gate = world.index.faults.hold("put")
    slow = asyncio.create_task(deliver(client, CREATED, blob_created(received(1))))
    await until(lambda: world.index.faults.count("put") == 1)
    await world.records.delete(record_key(received(1).id))
    deletion = asyncio.create_task(deliver(client, CHANGED, changed(received(1).id, ImageEventType.DELETED)))
    # It has to wait for the slow one; given the time, it would overtake it.
    await asyncio.wait({deletion}, timeout=0.2)
    gate.set()
    await asyncio.gather(slow, deletion)
    assert world.index.entries == {}


async def test_deliveries_are_counted(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1))
    await deliver(client, CREATED, blob_created(received(1)))
    await deliver(client, CREATED, b"x")
    text = (await client.get("/metrics")).text
    assert 'claimlens_deliveries_total{kind="indexed",outcome="SUCCESS",topic="blob-created"} 1.0' in text
    assert 'claimlens_deliveries_total{kind="not-ours",outcome="DROP",topic="blob-created"} 1.0' in text


async def test_with_the_real_index(world: World) -> None:
    index = SqliteIndex(world.settings.index_path)
    world.index = index  # type: ignore[assignment]
    await index.open()
    app = world.app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query") as client:
        for number in range(5):
            world.store(classified(number, tags={"car": 0.9}, caption="a car"))
        events = [(CHANGED, changed(received(number).id)) for number in range(5)] * 3
        assert set(await asyncio.gather(*(deliver(client, *event) for event in events))) == {"SUCCESS"}
        assert (await client.get("/v1/images", params={"q": "cars"})).json()["total"] == 5
    await index.close()


async def test_a_request_to_classify_again_is_shown_at_once(world: World, client: httpx.AsyncClient) -> None:
    record = classified(1)
    asked = ClassificationRequest(id="r1", at=record.received_at, by="ann")
    world.store(record.model_copy(update={"requested_classification": asked}))
    event = {
        "specversion": "1.0",
        "type": "claimlens.classification.requested",
        "source": "/claimlens/ingest",
        "subject": record.id,
        "id": "an-event",
        "data": {"id": record.id, "blob": record.image.blob, "etag": "0x1", "request": "r1"},
    }
    assert await deliver(client, CREATED, event) == "SUCCESS"
    (item,) = (await client.get("/v1/images")).json()["items"]
    assert item["requested_classification"]["by"] == "ann"
    assert item["status"] == "classified"
