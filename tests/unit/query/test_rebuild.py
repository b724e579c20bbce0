"""Building the index anew."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.contracts.names import record_key
from services.platform.errors import SidecarUnavailable
from services.query.adapters.feed import MemoryFeed
from services.query.adapters.sqlite_index import SqliteIndex
from services.query.adapters.sqlite_schema import connect
from services.query.adapters.thumbnails import PillowThumbnails
from services.query.domain import Query, entry_of
from services.query.handlers import Projection, Rebuilder
from tests.support.fakes.index import FakeIndex
from tests.support.records import classified, received
from tests.support.waiting import until
from tests.unit.query.conftest import World


@pytest.fixture
def rebuilder(world: World, tmp_path: Path) -> Rebuilder:
    thumbnails = PillowThumbnails(world.blobs, tmp_path, pixels=64, source_pixels=10**6, cache_bytes=10**6)
    projection = Projection(world.records, world.index, MemoryFeed(1), thumbnails)
    return Rebuilder(world.catalogue, projection, world.index)


async def test_it_ends_with_every_record_and_nothing_else(world: World, rebuilder: Rebuilder) -> None:
    for number in range(40):
        world.store(classified(number))
    world.catalogue.listed = [received(number).id for number in range(40)] + [received(0).id, "f" * 32]
    gone, no_blob, stale = received(100), received(101), received(1)
    for record in (gone, no_blob, stale):
        await world.index.put(entry_of(record))
    world.store(no_blob)
    assert await rebuilder.rebuild() == 43
    assert set(world.index.entries) == {received(number).id for number in range(40)} | {no_blob.id}
    assert world.index.entries[stale.id].status == "classified"
    assert rebuilder.progress.seen == 43


async def test_trouble_ends_it_and_is_told(world: World, rebuilder: Rebuilder) -> None:
    world.index = FakeIndex(complete=False)
    world.store(received(1))
    world.catalogue.listed = [received(1).id]
    world.records.faults.down = True
    with pytest.raises(SidecarUnavailable):
        await rebuilder.rebuild()
    assert rebuilder.progress.error == "get: the fake is away"
    assert not rebuilder.progress.running
    assert not await world.index.complete()


async def test_one_at_a_time(world: World, rebuilder: Rebuilder) -> None:
    world.store(received(1))
    world.catalogue.listed = [received(1).id]
    gate = world.records.faults.hold("get")
    first = asyncio.create_task(rebuilder.rebuild())
    await until(lambda: world.records.faults.count("get") == 1)
    assert await rebuilder.rebuild() == 0
    gate.set()
    assert await first == 1


async def test_it_is_started_over_http(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1))
    world.catalogue.listed = [received(1).id]
    response = await client.post("/v1/index/rebuild")
    assert (response.status_code, response.json()) == (202, {"status": "rebuilding"})

    async def done() -> bool:
        state = (await client.get("/v1/index")).json()
        return bool(state == {"images": 1, "complete": True, "rebuilding": False, "seen": 1, "error": None})

    await until(done)


@pytest.fixture
async def fresh(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The app over an index that began empty, with Dapr away."""
    world.index = FakeIndex(complete=False)
    world.store(received(1))
    world.catalogue.listed = [received(1).id]
    world.records.faults.down = True
    app = world.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query") as client,
    ):
        yield client


async def test_an_empty_index_builds_itself_and_is_not_ready_before(
    world: World, fresh: httpx.AsyncClient
) -> None:
    await until(lambda: world.records.faults.count("get") >= 1)
    missing = (await fresh.get("/readyz")).json()["missing"]
    assert "being built" in missing["index"]
    world.records.faults.down = False

    async def ready() -> bool:
        return (await fresh.get("/readyz")).status_code == 200

    await until(ready)
    assert set(world.index.entries) == {received(1).id}


async def test_an_index_that_is_away_at_the_start_stops_nothing(world: World) -> None:
    world.store(received(1))
    world.catalogue.listed = [received(1).id]
    world.index.faults.down = True
    app = world.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query") as client,
    ):
        await until(lambda: world.index.faults.count("complete") >= 1)
        assert (await client.get("/readyz")).status_code == 503
        # Asked for while it is away, and done when it is back, complete or not.
        assert (await client.post("/v1/index/rebuild")).status_code == 202
        world.index.faults.down = False
        await until(lambda: received(1).id in world.index.entries)


async def test_an_index_of_another_schema_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    index = SqliteIndex(path)
    await index.open()
    await index.put(entry_of(received(1)))
    await index.mark_complete()
    await index.close()
    await index_keeps(path, 1, complete=True)
    connection = connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    await index_keeps(path, 0, complete=False)


@pytest.mark.parametrize("content", [b"not a database" * 1000, b""])
async def test_a_damaged_index_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(content)
    await index_keeps(path, 0, complete=False)


async def index_keeps(path: Path, count: int, *, complete: bool) -> None:
    index = SqliteIndex(path)
    await index.open()
    assert await index.count() == count
    assert (await index.search(Query(), 1)).total == count
    assert await index.complete() is complete
    await index.close()


async def test_records_gone_from_state_are_removed(world: World, rebuilder: Rebuilder) -> None:
    await world.index_all(received(1))
    world.catalogue.listed = [received(1).id]
    await world.records.delete(record_key(received(1).id))
    await rebuilder.rebuild()
    assert world.index.entries == {}
