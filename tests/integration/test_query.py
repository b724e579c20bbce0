"""Query beside a real daprd, with real storage and state: subscriptions, reading, rebuilding."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import BaseModel

from services.contracts.events import ImageEventData, ImageEventType
from services.contracts.names import Component, Topic, record_key
from services.contracts.records import ImageRecord
from services.platform.dapr.blobs import BlobBinding
from services.platform.dapr.publisher import Publisher
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from services.platform.serve import Server
from services.query.adapters.blob_catalogue import BlobCatalogue
from services.query.main import create_app
from services.query.settings import Settings
from tests.support import daprd
from tests.support.pictures import encoded
from tests.support.ports import free_port, free_ports
from tests.support.records import classified, received
from tests.support.storage_process import storage_process
from tests.support.waiting import until

pytestmark = pytest.mark.integration


class BlobCreatedData(BaseModel):
    api: str = "PutBlob"
    eTag: str = "0x1"  # noqa: N815 - Event Grid's name


class Stack:
    """Query on a port, and clients of its sidecar for putting things where it finds them."""

    def __init__(self, url: str, sidecar: Sidecar, image_bytes: bytes) -> None:
        self.client = httpx.AsyncClient(base_url=url, timeout=10)
        self.sidecar = sidecar
        self.records = Documents(sidecar, Component.IMAGE_RECORDS, ImageRecord)
        self.blobs = BlobBinding(sidecar, Component.IMAGES)
        self.publisher = Publisher(sidecar, Component.IMAGE_EVENTS, "test")
        self._bytes = image_bytes

    async def store(self, record: ImageRecord) -> None:
        await self.records.create(record_key(record.id), record)
        await self.blobs.put(record.image.blob, self._bytes, record.image.content_type)

    async def found(self, **params: str) -> list[str]:
        response = (await self.client.get("/v1/images", params=params)).raise_for_status()
        return [item["id"] for item in response.json()["items"]]


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    app_port = free_port()
    http, grpc = free_ports(2)
    settings = Settings.model_validate(
        {
            "port": app_port,
            "data_dir": tmp_path / "query",
            "lanes": 2,
            "dapr_http_port": http,
            "dapr_grpc_port": grpc,
            "event_heartbeat_s": 0.2,
        }
    )
    with storage_process(tmp_path / "storage") as storage:
        resources = [
            daprd.sqlite_state(Component.IMAGE_RECORDS, tmp_path / "state.db"),
            daprd.blob_binding(
                Component.IMAGES, endpoint=storage.base_url, account=storage.account, key=storage.key
            ),
            daprd.component(Component.IMAGE_EVENTS, "pubsub.in-memory"),
        ]
        async with (
            serving(settings) as url,
            daprd.start_async("query", resources, app_port=app_port, ports={"http": http, "grpc": grpc}),
        ):
            sidecar = Sidecar(http_port=http, grpc_port=grpc, timeout_s=10)
            made = Stack(url, sidecar, encoded("JPEG", 800, 600))
            try:
                await until(lambda: ready(made.client), 20, "query is ready")
                yield made
            finally:
                await made.client.aclose()
                await sidecar.close()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    server = Server(
        uvicorn.Config(create_app(settings), port=settings.port, log_config=None, timeout_graceful_shutdown=5)
    )
    task = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or task.done(), what="query's server")
        yield f"http://127.0.0.1:{settings.port}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 15)


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).is_success


async def test_from_blob_and_events_to_search_and_picture(stack: Stack) -> None:
    record = classified(1, tags={"car": 0.9}, caption="a red car")
    await stack.blobs.put(record.image.blob, encoded("JPEG", 800, 600), "image/jpeg")
    subject = f"/blobServices/default/containers/images/blobs/{record.image.blob}"
    arrived = received(1)
    await stack.records.create(record_key(record.id), arrived)
    await stack.publisher.publish(
        Topic.BLOB_CREATED, "Microsoft.Storage.BlobCreated", subject, BlobCreatedData()
    )
    await until(lambda: stack.found(status="received"), what="the picture shows as received")

    _, etag = await stack.records.get(record_key(record.id)) or (None, "")
    assert await stack.records.replace(record_key(record.id), record, etag)
    for topic in (Topic.IMAGE_CLASSIFIED, f"{Topic.IMAGE_CLASSIFIED}#1"):
        data = ImageEventData(id=record.id, status=record.status)
        await stack.publisher.publish(topic, ImageEventType.CLASSIFIED, record.id, data)
    await until(lambda: stack.found(q="red", tag="car"), what="the picture is found by what is in it")

    answer = await stack.client.get(f"/v1/images/{record.id}")
    assert ImageRecord.model_validate_json(answer.content) == record
    headers = {"If-None-Match": answer.headers["etag"]}
    assert (await stack.client.get(f"/v1/images/{record.id}", headers=headers)).status_code == 304
    content = await stack.client.get(f"/v1/images/{record.id}/content", follow_redirects=True)
    assert content.history[0].status_code == 307
    assert content.content == encoded("JPEG", 800, 600)
    assert (await stack.client.get(f"/v1/images/{record.id}/thumbnail")).content[8:12] == b"WEBP"

    await stack.records.delete(record_key(record.id))
    data = ImageEventData(id=record.id)
    await stack.publisher.publish(Topic.IMAGE_CLASSIFIED, ImageEventType.DELETED, record.id, data)

    async def gone() -> bool:
        return await stack.found() == []

    await until(gone, what="the picture is gone")


async def test_an_index_is_built_from_blobs_and_records(stack: Stack) -> None:
    ids = sorted(received(number, claim_id=f"C-{number % 3}").id for number in range(30))
    for number in range(30):
        await stack.store(received(number, claim_id=f"C-{number % 3}"))
    await stack.blobs.put("C-1/notes.txt", b"not a picture", "text/plain")
    assert await stack.found() == []
    assert (await stack.client.post("/v1/index/rebuild")).status_code == 202

    async def built() -> bool:
        state = (await stack.client.get("/v1/index")).json()
        return not state["rebuilding"] and state["images"] == 30

    await until(built, 20, "the index is built")
    assert sorted(await stack.found(limit="100")) == ids


async def test_the_listing_goes_on_where_the_bindings_own_marker_does_not(stack: Stack) -> None:
    records = [received(number, claim_id=["C-1", "C-10", None][number % 3]) for number in range(25)]
    for record in records:
        await stack.store(record)
    listed = [found async for found in BlobCatalogue(stack.sidecar, Component.IMAGES, 4).ids()]
    assert sorted(listed) == sorted(record.id for record in records)

    async with stack.sidecar.calling("listing") as client:
        page = await client.invoke_binding(Component.IMAGES, "list", json.dumps({"maxResults": 4}))
    assert len(json.loads(page.data)) == 4
    assert page.headers["metadata.marker"] == [""], (
        "the binding can go on now: BlobCatalogue need not descend"
    )
