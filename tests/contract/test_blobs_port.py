"""A container of blobs: one suite for the fake, and for the Dapr binding on the storage emulator (Azurite)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import pytest

from services.contracts.names import Component
from services.platform.dapr.blobs import BlobBinding
from services.platform.dapr.sidecar import Sidecar
from tests.support import daprd
from tests.support.fakes.blobs import FakeBlobs
from tests.support.storage_process import storage_process

Port = BlobBinding | FakeBlobs
KINDS = ["fake", pytest.param("dapr", marks=pytest.mark.integration)]
LIMIT = 20_971_520


@pytest.fixture(scope="module")
def sidecar_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[daprd.Daprd]:
    with storage_process(tmp_path_factory.mktemp("storage")) as storage:
        images = daprd.blob_binding(
            Component.IMAGES, endpoint=storage.base_url, account=storage.account, key=storage.key
        )
        with daprd.start("ingest", [images]) as process:
            yield process


@pytest.fixture(params=KINDS)
async def port(request: pytest.FixtureRequest) -> AsyncIterator[Port]:
    if request.param == "fake":
        yield FakeBlobs()
        return
    process = cast(daprd.Daprd, request.getfixturevalue("sidecar_process"))
    sidecar = Sidecar(http_port=process.http_port, grpc_port=process.grpc_port, timeout_s=30)
    yield BlobBinding(sidecar, Component.IMAGES)
    await sidecar.close()


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A blob that no other test uses."""
    return f"C-1/{tmp_path.name}.jpg"


async def test_reads_back_as_written(port: Port, name: str) -> None:
    content = bytes(range(256)) * 10
    await port.put(name, content, "image/jpeg")
    assert await port.get(name) == content


@pytest.mark.parametrize("content", [b"", b"{}", b"eyJhIjoxfQ==", "ä".encode()], ids=repr)
async def test_bytes_that_could_be_taken_for_something_else(port: Port, name: str, content: bytes) -> None:
    await port.put(name, content, "image/jpeg")
    assert await port.get(name) == content


async def test_missing(port: Port, name: str) -> None:
    assert await port.get(name) is None
    assert not await port.exists(name)


async def test_exists(port: Port, name: str) -> None:
    await port.put(name, b"x", "image/jpeg")
    assert await port.exists(name)


async def test_etag_changes_with_the_bytes(port: Port, name: str) -> None:
    assert await port.etag(name) is None
    await port.put(name, b"one", "image/jpeg")
    first = await port.etag(name)
    await port.put(name, b"two", "image/jpeg")
    second = await port.etag(name)
    assert first
    assert second
    assert first != second
    assert '"' not in first


async def test_longer_name_is_another_blob(port: Port, name: str) -> None:
    await port.put(f"{name}.bak", b"x", "image/jpeg")
    assert not await port.exists(name)
    await port.put(name, b"x", "image/jpeg")
    assert await port.exists(name)


async def test_put_replaces(port: Port, name: str) -> None:
    await port.put(name, b"one", "image/jpeg")
    await port.put(name, b"two", "image/jpeg")
    assert await port.get(name) == b"two"


async def test_delete(port: Port, name: str) -> None:
    await port.put(name, b"x", "image/jpeg")
    await port.delete(name)
    assert not await port.exists(name)
    assert await port.get(name) is None


async def test_delete_what_is_not_there(port: Port, name: str) -> None:
    await port.delete(name)


async def test_largest_picture(port: Port, name: str) -> None:
    content = b"\xff\xd8" + bytes(LIMIT - 2)
    await port.put(name, content, "image/jpeg")
    assert await port.get(name) == content


async def test_presigned_link_names_the_blob(port: Port, name: str) -> None:
    await port.put(name, b"x", "image/jpeg")
    assert name in unquote(await port.presign(name, 60))
