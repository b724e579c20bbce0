"""The classifier's app on fakes, driven as daprd drives it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.classifier.main import Ports, create_app
from services.classifier.ports import ClaimDocument
from services.classifier.settings import Settings
from services.contracts.identity import image_id
from services.contracts.names import record_key
from services.contracts.records import Image, ImageRecord, Status, now
from tests.support.fakes.publisher import FakePublisher
from tests.support.fakes.records import FakeDocuments, FakeRecords
from tests.support.fakes.vision import FakeAnalyzer, FakeLink

SHA = "ab" * 32
ID = image_id("C-1", SHA)
BLOB = f"C-1/{ID}.jpg"
KEY = record_key(ID)
ETAG = "0x8D1"


def record(identifier: str = ID, **changes: Any) -> ImageRecord:
    """As ingest writes it."""
    image = Image(
        blob=f"C-1/{identifier}.jpg",
        content_type="image/jpeg",
        size=1000,
        sha256=SHA,
        width=120,
        height=90,
    )
    at = now()
    base = ImageRecord(id=identifier, claim_id="C-1", status=Status.RECEIVED, image=image, received_at=at)
    return base.model_copy(update=changes)


def event(
    etag: str = ETAG,
    *,
    sequencer: str = "01",
    blob: str = BLOB,
    container: str = "images",
    **changes: Any,
) -> dict[str, Any]:
    """BlobCreated as Event Grid sends it."""
    return {
        "specversion": "1.0",
        "type": "Microsoft.Storage.BlobCreated",
        "source": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acc",
        "subject": f"/blobServices/default/containers/{container}/blobs/{blob}",
        "id": f"event-{etag}-{sequencer}",
        "time": "2026-11-22T17:05:12.4810337Z",
        "data": {
            "api": "PutBlob",
            "eTag": f'"{etag}"',
            "contentType": "image/jpeg",
            "contentLength": 1000,
            "blobType": "BlockBlob",
            "sequencer": sequencer,
        },
        **changes,
    }


@dataclass
class World:
    """What survives the classifier's death; ``start`` begins a life of the process (on the same host and port)."""

    now_s: float = 1000.0
    records: FakeRecords = field(default_factory=FakeRecords)
    link: FakeLink = field(default_factory=FakeLink)
    analyzer: FakeAnalyzer = field(default_factory=FakeAnalyzer)
    others: tuple[FakeAnalyzer, ...] = ()
    publisher: FakePublisher = field(default_factory=FakePublisher)

    def __post_init__(self) -> None:
        self.claims = FakeDocuments(ClaimDocument, clock=lambda: self.now_s)

    def start(self, **settings: Any) -> "Driver":
        ports = Ports(self.records, self.claims, self.link, (self.analyzer, *self.others), self.publisher)
        app = create_app(Settings(**{"lanes": 2, **settings}), ports)
        transport = httpx.ASGITransport(app)
        return Driver(httpx.AsyncClient(transport=transport, base_url="http://classifier.test"))

    @property
    def record(self) -> ImageRecord:
        return self.records.peek(KEY)


class Driver:
    """What daprd does."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def deliver(
        self, body: dict[str, Any] | bytes | None = None, *, topic: str = "blob-created"
    ) -> str:
        """The outcome. Checks that it is said in the one way that Dapr understands."""
        headers = {"content-type": "application/cloudevents+json"}
        if isinstance(body, bytes):
            answer = await self.http.post(f"/events/{topic}", content=body, headers=headers)
        else:
            answer = await self.http.post(f"/events/{topic}", json=body or event(), headers=headers)
        assert answer.status_code == 200
        assert set(answer.json()) == {"status"}
        status = answer.json()["status"]
        assert status in ("SUCCESS", "RETRY", "DROP")
        return str(status)

    async def dead(self, body: dict[str, Any] | None = None) -> str:
        return await self.deliver(body, topic="blob-created-dead")


@pytest.fixture
def world() -> World:
    """With the record of one received picture."""
    world = World()
    world.records.seed(KEY, record())
    return world


@pytest.fixture
async def classifier(world: World) -> AsyncIterator[Driver]:
    driver = world.start()
    async with driver.http:
        yield driver
