"""Pictures and thumbnails over HTTP."""

import asyncio
import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from services.contracts.events import ImageEventType
from services.contracts.names import record_key
from services.contracts.records import Original
from services.query.adapters.thumbnails import PillowThumbnails, shrink
from services.query.errors import NoThumbnail
from services.query.settings import Settings
from tests.support.fakes.blobs import Blob
from tests.support.pictures import encoded as picture_file
from tests.support.records import received
from tests.support.waiting import until
from tests.unit.query.conftest import World
from tests.unit.query.test_subscriptions import CHANGED, changed, deliver

URL = f"/v1/images/{received(1).id}"


async def test_content_is_a_redirect_to_a_short_lived_link(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1), png())
    response = await client.get(f"{URL}/content")
    assert response.status_code == 307
    assert response.headers["location"] == f"http://blobs.test/images/{received(1).image.blob}?ttl=300"
    assert "max-age=150" in response.headers["cache-control"]


@pytest.fixture
def bytes_world(tmp_path: Path) -> World:
    return World(Settings(data_dir=tmp_path, content_mode="bytes"))


def client_of(world: World) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(world.app()), base_url="http://query")


async def test_content_as_bytes(bytes_world: World) -> None:
    bytes_world.store(received(1), b"the picture")
    async with client_of(bytes_world) as client:
        response = await client.get(f"{URL}/content")
        assert (response.status_code, response.content) == (200, b"the picture")
        assert response.headers["content-type"] == "image/jpeg"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in response.headers["content-security-policy"]
        again = await client.get(f"{URL}/content", headers={"If-None-Match": response.headers["etag"]})
        assert again.status_code == 304
        assert bytes_world.blobs.faults.count("get") == 1


async def test_the_original_of_a_converted_picture(bytes_world: World) -> None:
    record = received(1)
    blob = f"_originals/{record.image.blob[:-4]}.heic"
    original = Original(blob=blob, content_type="image/heic", size=8, sha256="cd" * 32)
    converted = record.model_copy(update={"image": record.image.model_copy(update={"original": original})})
    bytes_world.store(converted, b"the JPEG")
    bytes_world.blobs.stored[blob] = Blob(b"the HEIC", "image/heic")
    async with client_of(bytes_world) as client:
        picture = await client.get(f"{URL}/content")
        assert (picture.content, picture.headers["content-type"]) == (b"the JPEG", "image/jpeg")
        sent = await client.get(f"{URL}/content", params={"original": "true"})
        assert (sent.content, sent.headers["content-type"]) == (b"the HEIC", "image/heic")
        assert sent.headers["x-content-type-options"] == "nosniff"
        assert sent.headers["content-disposition"] == f'inline; filename="{record.id}.heic"'
        assert sent.headers["etag"] != picture.headers["etag"]


async def test_the_original_of_any_other_is_the_picture(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1), png())
    plain = await client.get(f"{URL}/content")
    original = await client.get(f"{URL}/content", params={"original": "true"})
    assert plain.headers["location"] == original.headers["location"]


async def test_bytes_that_are_not_there_are_404(bytes_world: World) -> None:
    bytes_world.store(received(1))
    async with client_of(bytes_world) as client:
        for path in ("content", "thumbnail"):
            assert (await client.get(f"{URL}/{path}")).status_code == 404


@pytest.mark.parametrize("path", ["content", "thumbnail"])
async def test_an_unknown_picture_is_404(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{URL}/{path}")).status_code == 404
    assert (await client.get(f"/v1/images/nothing/{path}")).status_code == 404


async def test_storage_away_is_503(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1), png())
    world.blobs.faults.down = True
    for path in ("content", "thumbnail"):
        response = await client.get(f"{URL}/{path}")
        assert response.status_code == 503
        assert "retry-after" in response.headers


async def test_a_thumbnail_is_a_small_webp_made_once(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1), png(2000, 1000))
    first, second = await asyncio.gather(client.get(f"{URL}/thumbnail"), client.get(f"{URL}/thumbnail"))
    assert first.content == second.content
    assert first.headers["content-type"] == "image/webp"
    assert "max-age" in first.headers["cache-control"]
    assert Image.open(io.BytesIO(first.content)).size == (640, 320)
    assert (await client.get(f"{URL}/thumbnail")).content == first.content
    assert world.blobs.faults.count("get") == 1
    again = await client.get(f"{URL}/thumbnail", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_a_new_version_of_the_blob_gets_a_new_thumbnail(
    world: World, client: httpx.AsyncClient
) -> None:
    record = received(1)
    world.store(record, png(seed=1))
    first = await client.get(f"{URL}/thumbnail")
    record.image.etag = "0x2"
    world.store(record, png(seed=2))
    headers = {"If-None-Match": first.headers["etag"]}
    second = await client.get(f"{URL}/thumbnail", headers=headers)
    assert second.status_code == 200
    assert second.content != first.content


async def test_the_thumbnail_of_a_deleted_picture_goes(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1), png())
    await client.get(f"{URL}/thumbnail")
    assert len(list(world.settings.thumbnail_dir.glob("*/*.webp"))) == 1
    await world.records.delete(record_key(received(1).id))
    await deliver(client, CHANGED, changed(received(1).id, ImageEventType.DELETED))
    assert list(world.settings.thumbnail_dir.glob("*/*")) == []


async def test_a_client_that_leaves_does_not_stop_the_making(world: World, tmp_path: Path) -> None:
    thumbnails = PillowThumbnails(world.blobs, tmp_path, pixels=64, source_pixels=10**7, cache_bytes=10**6)
    world.store(received(1), png())
    gate = world.blobs.faults.hold("get")
    leaving = asyncio.create_task(thumbnails.get(received(1)))
    staying = asyncio.create_task(thumbnails.get(received(1)))
    await until(lambda: world.blobs.faults.count("get") == 1)
    leaving.cancel()
    gate.set()
    assert await staying
    assert world.blobs.faults.count("get") == 1


async def test_what_cannot_be_decoded_is_422(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1), b"no picture")
    response = await client.get(f"{URL}/thumbnail")
    assert response.status_code == 422
    assert response.json()["type"] == "urn:claimlens:problem:no-thumbnail"


def png(width: int = 120, height: int = 80, *, seed: int = 0) -> bytes:
    return picture_file("PNG", width, height, seed=seed)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("1", "PNG"),
        ("P", "PNG"),
        ("LA", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("P", "GIF"),
        ("RGB", "BMP"),
        ("CMYK", "TIFF"),
        ("RGBA", "WEBP"),
        ("RGBA", "ICO"),
    ],
)
def test_every_kind_of_picture_becomes_one(mode: str, kind: str) -> None:
    content = encoded(Image.new(mode, (200, 100)), kind)
    small = opened(shrink(content, 64, 10**6))
    assert (small.format, small.width) == ("WEBP", 64)


def test_a_thumbnail_is_upright_and_has_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    small = opened(shrink(encoded(Image.new("RGB", (200, 100)), "JPEG", exif=exif), 64, 10**6))
    assert small.size == (32, 64)
    assert not small.getexif()


def test_16_bits_keep_their_shades() -> None:
    small = opened(shrink(encoded(Image.new("I;16", (100, 100), 128 * 256), "PNG"), 64, 10**6)).convert("L")
    assert abs(small.getpixel((10, 10)) - 128) <= 2  # type: ignore[operator]


def test_transparency_stays() -> None:
    assert (
        opened(shrink(encoded(Image.new("RGBA", (100, 100), (9, 9, 9, 0)), "PNG"), 64, 10**6)).mode == "RGBA"
    )


def test_a_small_picture_is_not_made_larger() -> None:
    assert opened(shrink(png(50, 60), 640, 10**6)).size == (50, 60)


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pillow's own limit is the process's, and ingest, which the tests load as well, sets another than query does.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    content = encoded(Image.new("1", (15000, 15000)), "PNG")
    with pytest.raises(NoThumbnail, match="15000 by 15000"):
        shrink(content, 640, 10**8)


def test_a_truncated_picture_is_refused() -> None:
    with pytest.raises(NoThumbnail):
        shrink(png(500, 500)[:400], 64, 10**6)


async def test_the_cache_is_bounded(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.query.adapters.thumbnails.SWEEP_EVERY", 1)
    thumbnails = PillowThumbnails(world.blobs, tmp_path, pixels=64, source_pixels=10**6, cache_bytes=1500)
    for number in range(8):
        world.store(received(number), png(seed=number))
        assert await thumbnails.get(received(number))
    assert 0 < size_of(tmp_path) <= 1500


def size_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*/*.webp"))
