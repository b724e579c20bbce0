"""Ingest's app on fakes, driven over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from services.contracts.names import record_key
from services.contracts.records import ImageRecord
from services.ingest.main import Ports, create_app
from services.ingest.settings import Settings
from services.platform.health import Check
from tests.support.fakes.blobs import Blob, FakeBlobs
from tests.support.fakes.publisher import FakePublisher
from tests.support.fakes.records import FakeRecords


@dataclass
class Stand:
    """``client`` speaks to the app; the fakes are what it keeps things in."""

    client: httpx.AsyncClient
    records: FakeRecords
    blobs: FakeBlobs
    events: FakePublisher
    checks: dict[str, Check] = field(default_factory=dict)

    async def upload(self, content: bytes, **form: str) -> httpx.Response:
        """As a form; the file's name and type are lies, and the fields those given."""
        file = ("../../etc/passwd.exe", content, "text/plain")
        return await self.client.post("/v1/images", files={"file": file}, data=form)

    async def upload_raw(self, content: bytes, **query: str) -> httpx.Response:
        """As the body itself."""
        return await self.client.post(
            "/v1/images", content=content, params=query, headers={"Content-Type": "image/whatever"}
        )

    def record(self, identifier: str) -> ImageRecord:
        return self.records.peek(record_key(identifier))

    def blob_of(self, identifier: str) -> Blob:
        return self.blobs.stored[self.record(identifier).image.blob]

    def is_empty(self) -> bool:
        """Nothing was left behind."""
        return not self.records.keys() and not self.blobs.stored

    async def counted(self, name: str) -> dict[str, float]:
        """Samples of a counter by its (only) label's value."""
        text = (await self.client.get("/metrics")).text
        return {
            next(iter(sample.labels.values()), ""): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"{name}_total"
        }


Open = Callable[..., Awaitable[Stand]]


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Makes stands with the settings given."""
    # The app sets it for its process, which here is that of all tests.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    async with AsyncExitStack() as stack:

        async def open_stand(**settings: Any) -> Stand:
            records, blobs, events = FakeRecords(), FakeBlobs(), FakePublisher()
            checks: dict[str, Check] = {}
            values = {"first_uploader_wait_s": 0.2, **settings}
            app = create_app(Settings(**values), Ports(records, blobs, events, checks))
            await stack.enter_async_context(app.router.lifespan_context(app))
            # An unforeseen error is answered, as under uvicorn, not raised into the test.
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://ingest.test")
            stack.push_async_callback(client.aclose)
            return Stand(client, records, blobs, events, checks)

        yield open_stand


@pytest.fixture
async def stand(opened: Open) -> Stand:
    return await opened()


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is problem+json with this status and code; gives it."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), (
        response.text
    )
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:claimlens:problem:{code}", body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert len(body["trace_id"]) == 32
    return body
