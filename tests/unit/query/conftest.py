"""Query's app over fakes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.contracts.names import record_key
from services.contracts.records import ImageRecord
from services.platform.errors import SidecarUnavailable
from services.query.domain import entry_of
from services.query.main import Ports, create_app
from services.query.settings import Settings
from tests.support.fakes.blobs import Blob, FakeBlobs
from tests.support.fakes.index import FakeCatalogue, FakeIndex
from tests.support.fakes.records import FakeRecords


@dataclass
class World:
    """Everything outside the app. ``missing``: names of what /readyz shall find missing."""

    settings: Settings
    records: FakeRecords = field(default_factory=FakeRecords)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    index: FakeIndex = field(default_factory=FakeIndex)
    missing: set[str] = field(default_factory=set)

    def app(self) -> FastAPI:
        def check(name: str):  # type: ignore[no-untyped-def]
            async def ask() -> None:
                if name in self.missing:
                    raise SidecarUnavailable(f"{name} is away")

            return ask

        names = ("sidecar", "image-records", "images", "image-events")
        checks = {name: check(name) for name in names}
        return create_app(
            self.settings, Ports(self.records, self.blobs, self.catalogue, self.index, checks=checks)
        )

    def store(self, record: ImageRecord, content: bytes | None = None) -> str:
        """Put the record into state, and its picture into the container; gives the record's ETag."""
        if content is not None:
            self.blobs.stored[record.image.blob] = Blob(content, record.image.content_type)
        return self.records.seed(record_key(record.id), record)

    async def index_all(self, *records: ImageRecord) -> None:
        """Into state and into the index."""
        for record in records:
            self.store(record)
            await self.index.put(entry_of(record))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Settings(data_dir=tmp_path / "query", lanes=2, event_heartbeat_s=0.1))


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = world.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query") as client,
    ):
        yield client
