"""Documents with ETags: one suite for the fake, and for Dapr state on state.sqlite."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from services.contracts.names import Component
from services.contracts.records import Image, ImageRecord, Status, now
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from tests.support import daprd
from tests.support.fakes.records import FakeRecords
from tests.support.waiting import until

Port = Documents[ImageRecord] | FakeRecords
KINDS = ["fake", pytest.param("dapr", marks=pytest.mark.integration)]


def record(identifier: str = "a" * 32, **changes: object) -> ImageRecord:
    image = Image(blob="C-1/a.jpg", content_type="image/jpeg", size=1, sha256="ab", width=50, height=50)
    whole = ImageRecord(id=identifier, status=Status.RECEIVED, image=image, received_at=now())
    return whole.model_copy(update=changes)


@pytest.fixture(scope="module")
def sidecar_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[daprd.Daprd]:
    database = tmp_path_factory.mktemp("state") / "records.db"
    with daprd.start("ingest", [daprd.sqlite_state(Component.IMAGE_RECORDS, database)]) as process:
        yield process


@pytest.fixture(params=KINDS)
async def port(request: pytest.FixtureRequest) -> AsyncIterator[Port]:
    if request.param == "fake":
        yield FakeRecords()
        return
    process = cast(daprd.Daprd, request.getfixturevalue("sidecar_process"))
    sidecar = Sidecar(http_port=process.http_port, grpc_port=process.grpc_port, timeout_s=10)
    yield Documents(sidecar, Component.IMAGE_RECORDS, ImageRecord)
    await sidecar.close()


@pytest.fixture
def key(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A key that no other test uses."""
    return f"image-{tmp_path.name}"


async def etag_of(port: Port, key: str) -> str:
    found = await port.get(key)
    assert found is not None
    return found[1]


async def test_absent(port: Port, key: str) -> None:
    assert await port.get(key) is None


async def test_reads_back_as_written(port: Port, key: str) -> None:
    written = record(metadata={"who": "Ada Ünïcode ⚡"}, claim_id="C-1")
    assert await port.create(key, written)
    found = await port.get(key)
    assert found is not None
    assert found[0] == written
    assert found[1]


async def test_create_only_if_absent(port: Port, key: str) -> None:
    assert await port.create(key, record())
    assert not await port.create(key, record(claim_id="other"))
    found = await port.get(key)
    assert found is not None
    assert found[0].claim_id is None


async def test_create_after_delete(port: Port, key: str) -> None:
    assert await port.create(key, record())
    assert await port.delete(key)
    assert await port.create(key, record())


async def test_only_one_of_many_creates(port: Port, key: str) -> None:
    created = await asyncio.gather(*(port.create(key, record()) for _ in range(8)))
    assert sorted(created) == [False] * 7 + [True]


async def test_replace_by_etag(port: Port, key: str) -> None:
    await port.create(key, record())
    first = await etag_of(port, key)
    assert await port.replace(key, record(status=Status.CLASSIFIED), first)
    found = await port.get(key)
    assert found is not None
    assert found[0].status is Status.CLASSIFIED
    assert found[1] != first


async def test_replace_with_an_old_etag(port: Port, key: str) -> None:
    await port.create(key, record())
    first = await etag_of(port, key)
    await port.replace(key, record(claim_id="second"), first)
    assert not await port.replace(key, record(claim_id="third"), first)
    found = await port.get(key)
    assert found is not None
    assert found[0].claim_id == "second"


async def test_replace_what_is_not_there(port: Port, key: str) -> None:
    await port.create(key, record())
    etag = await etag_of(port, key)
    await port.delete(key)
    assert not await port.replace(key, record(), etag)
    assert await port.get(key) is None


async def test_same_document_again_has_another_etag(port: Port, key: str) -> None:
    same = record()
    await port.create(key, same)
    first = await etag_of(port, key)
    assert await port.replace(key, same, first)
    assert await etag_of(port, key) != first


async def test_only_one_of_many_replaces(port: Port, key: str) -> None:
    await port.create(key, record())
    etag = await etag_of(port, key)
    replaced = await asyncio.gather(*(port.replace(key, record(), etag) for _ in range(8)))
    assert sorted(replaced) == [False] * 7 + [True]


async def test_delete_by_etag(port: Port, key: str) -> None:
    await port.create(key, record())
    first = await etag_of(port, key)
    await port.replace(key, record(), first)
    assert not await port.delete(key, first)
    assert await port.get(key) is not None
    assert await port.delete(key, await etag_of(port, key))
    assert await port.get(key) is None


async def test_delete_what_is_not_there(port: Port, key: str) -> None:
    assert await port.delete(key)
    await port.create(key, record())
    etag = await etag_of(port, key)
    await port.delete(key)
    assert not await port.delete(key, etag)


async def test_time_to_live(port: Port, key: str) -> None:
    # Stores count whole seconds: the second attempt must come before the end on a busy machine too.
    assert await port.create(key, record(), ttl_s=3)
    assert not await port.create(key, record(), ttl_s=3)

    async def gone() -> bool:
        return await port.get(key) is None

    await until(gone, 10, "the document expires")
    assert await port.create(key, record())


async def test_replacing_ends_the_time_to_live(port: Port, key: str) -> None:
    await port.create(key, record(), ttl_s=3)
    assert await port.replace(key, record(claim_id="kept"), await etag_of(port, key))
    other = f"{key}-clock"
    await port.create(other, record(), ttl_s=4)

    async def gone() -> bool:
        return await port.get(other) is None

    await until(gone, 10, "a document that expires later")
    assert await port.get(key) is not None


async def test_keeps_what_a_newer_version_wrote(port: Port, key: str) -> None:
    newer = ImageRecord.model_validate({**record().model_dump(), "colour": {"dominant": "blue"}})
    await port.create(key, newer)
    found = await port.get(key)
    assert found is not None
    assert found[0].model_extra == {"colour": {"dominant": "blue"}}
