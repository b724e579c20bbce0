"""services.platform.dapr against a real daprd: what only the real one can show, and its absence."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

from services.contracts.names import Component
from services.platform.dapr.blobs import BlobBinding
from services.platform.dapr.publisher import Publisher
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from services.platform.errors import SidecarUnavailable
from tests.support import daprd
from tests.support.ports import free_port, free_ports
from tests.support.storage_process import storage_process
from tests.support.waiting import until

pytestmark = pytest.mark.integration
TIMEOUT_S = 3.0


class Note(BaseModel):
    text: str


Connect = Callable[[daprd.Daprd | tuple[int, int]], Sidecar]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Sidecar clients, closed in the end."""
    async with AsyncExitStack() as stack:

        def made(where: daprd.Daprd | tuple[int, int]) -> Sidecar:
            http, grpc = (where.http_port, where.grpc_port) if isinstance(where, daprd.Daprd) else where
            sidecar = Sidecar(http_port=http, grpc_port=grpc, timeout_s=TIMEOUT_S)
            stack.push_async_callback(sidecar.close)
            return sidecar

        yield made


def notes(sidecar: Sidecar, store: str = Component.IMAGE_RECORDS) -> Documents[Note]:
    return Documents(sidecar, store, Note)


async def assert_unavailable(call: Awaitable[object], says: str | None = None) -> None:
    started = time.monotonic()
    with pytest.raises(SidecarUnavailable, match=says):
        await call
    assert time.monotonic() - started < TIMEOUT_S + 1


@pytest.fixture
def state(tmp_path: Path) -> list[daprd.Resource]:
    return [daprd.sqlite_state(Component.IMAGE_RECORDS, tmp_path / "state.db")]


async def test_component_that_is_not_loaded(connect: Connect, state: list[daprd.Resource]) -> None:
    async with daprd.start_async("ingest", state) as process:
        sidecar = connect(process)
        missing = notes(sidecar, "no-such-store")
        await assert_unavailable(missing.get("k"))
        await assert_unavailable(missing.create("k", Note(text="")))
        await assert_unavailable(missing.delete("k"))
        blobs = BlobBinding(sidecar, Component.IMAGES)
        await assert_unavailable(blobs.put("b", b"", "image/png"))
        await assert_unavailable(blobs.get("b"))
        await assert_unavailable(blobs.exists("b"))
        await assert_unavailable(blobs.delete("b"))
        publisher = Publisher(sidecar, Component.IMAGE_EVENTS, "ingest")
        await assert_unavailable(publisher.publish("t", "type", "subject", Note(text="")))
        assert await notes(sidecar).create("k", Note(text="fine")), "the connection is still good"


async def test_checks(connect: Connect, state: list[daprd.Resource]) -> None:
    async with daprd.start_async("ingest", state) as process:
        sidecar = connect(process)
        await sidecar.check()
        await sidecar.check_component(Component.IMAGE_RECORDS)
        await assert_unavailable(sidecar.check_component(Component.IMAGES), "'images' is not loaded")
        process.kill()
        await assert_unavailable(sidecar.check(), "does not answer")
        await assert_unavailable(sidecar.check_component(Component.IMAGE_RECORDS), "does not answer")


async def test_daprd_was_never_there(connect: Connect) -> None:
    sidecar = connect((free_port(), free_port()))
    await assert_unavailable(notes(sidecar).get("k"), "does not answer")
    await assert_unavailable(BlobBinding(sidecar, Component.IMAGES).put("b", b"x", "image/png"))


async def test_daprd_dies_and_comes_back(connect: Connect, state: list[daprd.Resource]) -> None:
    http, grpc = free_ports(2)
    ports = {"http": http, "grpc": grpc}
    sidecar = connect((http, grpc))
    documents = notes(sidecar)
    async with daprd.start_async("ingest", state, ports=ports) as process:
        assert await documents.create("k", Note(text="kept"))
        process.kill()
        for _ in range(3):
            await assert_unavailable(documents.get("k"))
    async with daprd.start_async("ingest", state, ports=ports):
        # At once: gRPC's own attempts to connect again may be minutes apart.
        found = await documents.get("k")
        assert found is not None
        assert found[0].text == "kept"


async def test_many_calls_while_daprd_dies(connect: Connect, state: list[daprd.Resource]) -> None:
    async with daprd.start_async("ingest", state) as process:
        documents = notes(connect(process))
        await documents.create("k", Note(text=""))
        calls = [asyncio.create_task(documents.get("k")) for _ in range(50)]
        await asyncio.sleep(0)
        process.kill()
        for outcome in await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), TIMEOUT_S + 2):
            assert isinstance(outcome, SidecarUnavailable | tuple), repr(outcome)


async def test_daprd_that_hangs(connect: Connect, state: list[daprd.Resource]) -> None:
    async with daprd.start_async("ingest", state) as process:
        documents = notes(connect(process))
        await documents.create("k", Note(text=""))
        with process.stopped():
            await assert_unavailable(documents.get("k"), "no answer within")
        assert await documents.get("k") is not None


async def test_presigned_link_reads_the_blob_with_its_type(connect: Connect, tmp_path: Path) -> None:
    with storage_process(tmp_path) as storage:
        images = daprd.blob_binding(
            Component.IMAGES, endpoint=storage.base_url, account=storage.account, key=storage.key
        )
        async with daprd.start_async("classifier", [images]) as process:
            blobs = BlobBinding(connect(process), Component.IMAGES)
            await blobs.put("C-1/a b+c.png", b"bytes", "image/png")
            link = await blobs.presign("C-1/a b+c.png", 60)
            async with httpx.AsyncClient() as client:
                answer = await client.get(link)
                unsigned = await client.get(link.partition("?")[0])
            assert (answer.status_code, answer.content) == (200, b"bytes")
            assert answer.headers["content-type"] == "image/png"
            assert unsigned.status_code in (401, 403, 404)
            assert not await blobs.exists("C-1/a")


async def test_storage_away(connect: Connect, tmp_path: Path) -> None:
    with storage_process(tmp_path) as storage:
        images = daprd.blob_binding(
            Component.IMAGES, endpoint=storage.base_url, account=storage.account, key=storage.key
        )
        async with daprd.start_async("ingest", [images]) as process:
            blobs = BlobBinding(connect(process), Component.IMAGES)
            await blobs.put("a.png", b"kept", "image/png")
            storage.stop()
            await asyncio.gather(
                assert_unavailable(blobs.put("b.png", b"x", "image/png")),
                assert_unavailable(blobs.get("a.png")),
                assert_unavailable(blobs.exists("a.png")),
            )
            storage.start()

            async def reads() -> bool:
                return await blobs.get("a.png") == b"kept"

            await until(reads, 20, "storage is back")
            assert not await blobs.exists("b.png")
