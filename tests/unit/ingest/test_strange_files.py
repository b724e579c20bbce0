"""Files that are more, or something else, than a picture: what docs/pictures.md decides, row by row."""

import io
import struct
import time
import zlib
from typing import Any

import pytest
from PIL import Image

from services.contracts.records import Image as ImageFacts
from services.ingest.adapters.pillow import MAX_EXIF_BYTES
from services.ingest.formats import GIF, JPEG, PNG, TIFF
from services.ingest.parts import MAX_FRAMES, MAX_PARTS, MAX_SCANS, frame_count, work_fault
from tests.support.pictures import encoded, picture
from tests.unit.ingest.conftest import Stand, assert_problem

# Pillow says of damaged metadata what it thinks; the service keeps that out of its log.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

PLAIN_JPEG = encoded("JPEG", 400, 300)
PLAIN_PNG = encoded("PNG", 400, 300)


async def kept(stand: Stand, content: bytes) -> ImageFacts:
    response = await stand.upload(content)
    assert response.status_code == 202, response.text
    assert stand.blob_of(response.json()["id"]).content == content, "kept as it was sent"
    return stand.record(response.json()["id"]).image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def in_jpeg(*segments: bytes) -> bytes:
    return PLAIN_JPEG[:2] + b"".join(segments) + PLAIN_JPEG[2:]


def in_png(*chunks: bytes) -> bytes:
    return PLAIN_PNG[:33] + b"".join(chunks) + PLAIN_PNG[33:]


# Bombs


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
async def test_compressed_metadata_that_grows(stand: Stand, kind: bytes) -> None:
    bomb = chunk(kind, b"name\0\0" + zlib.compress(bytes(100_000_000), 9))
    started = time.perf_counter()
    body = assert_problem(await stand.upload(in_png(bomb)), 422, "image-undecodable")
    assert "metadata" in body["detail"]
    assert time.perf_counter() - started < 1
    assert stand.is_empty()


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is there ``count`` times more."""
    content = encoded("JPEG", 400, 300, progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * (count + 1) + content[-2:]


async def test_jpeg_of_many_scans(stand: Stand) -> None:
    body = assert_problem(await stand.upload(scans(5000)), 422, "image-undecodable")
    assert "scans" in body["detail"]
    assert stand.is_empty()
    await kept(stand, scans(40))


async def test_files_of_many_parts(stand: Stand) -> None:
    for content in (
        in_jpeg(b"\xff\xfe\0\2" * (MAX_PARTS + 1)),
        in_png(chunk(b"aaAa", b"") * (MAX_PARTS + 1)),
    ):
        assert_problem(await stand.upload(content), 422, "image-undecodable")
    assert stand.is_empty()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8" + b"\xff\xda\0\2" * 5_000_000, JPEG),
        (b"\xff\xd8" + b"\xff\xfe\0\2" * 5_000_000, JPEG),
        (b"\xff\xd8" + b"\xff" * 20_000_000, JPEG),
        (b"\xff\xd8" + b"\xff\0" * 10_000_000, JPEG),
        (b"\x89PNG\r\n\x1a\n" + bytes(20_000_000), PNG),
    ],
    ids=["scans", "segments", "fillers", "stuffing", "chunks"],
)
def test_counting_parts_is_quick(content: bytes, kind: Any) -> None:
    started = time.perf_counter()
    work_fault(content, kind)
    assert time.perf_counter() - started < 2


def test_scans_are_told_from_other_bytes() -> None:
    """Marker-like bytes in metadata, in what follows the picture, and in the preview of an EXIF block do not count."""
    noise = b"\xff\xda\0\2" * (MAX_SCANS + 1)
    content = in_jpeg(segment(0xE1, b"Exif\0\0" + noise), segment(0xFE, noise))
    assert work_fault(content + bytes(2) + noise, JPEG) is None


# Polyglots


@pytest.mark.parametrize(
    "tail",
    [b"PK\x03\x04" + b"\0" * 1000, b"<html><script>alert(1)</script></html>", b"%PDF-1.7\n", bytes(100_000)],
    ids=["zip", "html", "pdf", "zeros"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "ICO", "HEIF"])
async def test_something_else_behind_the_picture(stand: Stand, kind: str, tail: bytes) -> None:
    """Accepted, and never again taken for anything but the picture."""
    plain = (await stand.upload(encoded(kind, 96, 96), claim_id="plain")).json()
    response = await stand.upload(encoded(kind, 96, 96) + tail)
    assert response.status_code == 202, response.text
    body = response.json()
    assert body["content_type"] == plain["content_type"]
    assert stand.blob_of(body["id"]).content_type.startswith("image/")
    assert stand.record(body["id"]).image.phash == stand.record(plain["id"]).image.phash


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//",
        b"\xff\xd8\xff\xe0<script>alert(1)</script>",
        b"BM" + b"\0" * 12 + b"\x28\0\0\0" + b"<script>alert(1)</script>" * 10,
    ],
    ids=["gif", "jpeg", "bmp"],
)
async def test_only_the_beginning_of_a_picture(stand: Stand, content: bytes) -> None:
    assert (await stand.upload(content)).status_code == 422
    assert stand.is_empty()


async def test_script_in_metadata(stand: Stand) -> None:
    script = b"<script>alert(1)</script>"
    await kept(stand, in_jpeg(segment(0xFE, script)))
    await kept(stand, in_png(chunk(b"tEXt", b"Comment\0" + script)))


# Several pictures in a file


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "MPO"])
async def test_the_first_of_several_counts(stand: Stand, kind: str) -> None:
    more = [picture(240, 160, seed=seed) for seed in range(1, 5)]
    several = await kept(stand, saved(picture(240, 160), kind, save_all=True, append_images=more))
    one = await kept(stand, encoded(kind if kind != "MPO" else "JPEG", 240, 160))
    assert (several.frames, one.frames) == (5, 1)
    assert several.phash is not None
    assert one.phash is not None
    assert (int(several.phash, 16) ^ int(one.phash, 16)).bit_count() <= 4


async def test_an_icons_sizes_are_one_picture(stand: Stand) -> None:
    content = encoded("ICO", 128, 128, sizes=[(64, 64), (128, 128)])
    image = await kept(stand, content)
    assert (image.width, image.height, image.frames) == (128, 128, 1)


def tiff(directories: int, *, back_to: int | None = None) -> bytes:
    """A TIFF of empty directories; the last points to the place ``back_to``."""
    parts = [b"II*\0" + struct.pack("<I", 8)]
    for number in range(directories):
        last = number == directories - 1
        following = (back_to or 0) if last else 8 + 6 * (number + 1)
        parts.append(struct.pack("<HI", 0, following))
    return b"".join(parts)


@pytest.mark.parametrize(
    ("content", "pages"),
    [
        (tiff(3), 3),
        (tiff(3, back_to=8), 3),
        (tiff(1, back_to=8), 1),
        (tiff(2, back_to=10_000_000), 2),
        (tiff(3_000_000), MAX_FRAMES),
        (b"II*\0", 1),
        (b"MM\0*\0\0\0\x08" + b"\0\1" + b"\xff" * 12 + b"\xff\xff\xff\xff", 1),
    ],
    ids=["three", "a circle", "itself", "past the end", "millions", "no directory", "big endian"],
)
def test_pages_are_counted_up_to_a_bound(content: bytes, pages: int) -> None:
    started = time.perf_counter()
    assert frame_count(content, TIFF) == pages
    assert time.perf_counter() - started < 1


def test_pictures_of_a_gif_are_counted_up_to_a_bound() -> None:
    empty = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\0"
    header = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
    assert frame_count(header + empty * (MAX_FRAMES + 5) + b"\x3b", GIF) == MAX_FRAMES


# Other colours than three times eight bits


MODES = {
    "JPEG": ["L", "CMYK"],
    "PNG": ["1", "L", "LA", "P", "RGBA", "I;16"],
    "TIFF": ["1", "L", "LA", "P", "RGBA", "CMYK", "LAB", "I;16", "I", "F"],
    "WEBP": ["RGBA"],
    "GIF": ["P", "L"],
    "BMP": ["1", "L", "P", "RGBA"],
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
async def test_colours(stand: Stand, kind: str, mode: str) -> None:
    image = picture(240, 160)
    if mode == "I;16":
        image = image.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    elif mode == "LAB":
        image = Image.merge("LAB", image.split())
    else:
        image = (image.convert("L") if mode in ("I", "F") else image).convert(mode)
    facts = await kept(stand, saved(image, kind))
    assert (facts.width, facts.height) == (240, 160)
    assert facts.phash


# Metadata


def exif_block(entries: bytes, count: int) -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries


SIDEWAYS = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_orientation_that_is_none(stand: Stand, kind: str, orientation: int) -> None:
    exif = exif_block(struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0\0\0\0", 1)
    image = await kept(stand, saved(picture(240, 160), kind, exif=b"Exif\0\0" + exif))
    assert (image.width, image.height) == (240, 160)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"\xff" * 500,
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        exif_block(SIDEWAYS, 60_000),
        exif_block(struct.pack("<HHII", 0x010F, 2, 0xFFFFFFFF, 0xFFFFFFF0) + b"\0\0\0\0", 1),
        exif_block(struct.pack("<HHII", 0x8769, 4, 1, 8) + b"\0\0\0\0", 1),
        exif_block(struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFFF0) + b"\0\0\0\0", 1),
        exif_block(struct.pack("<HHII", 0x8825, 2, 4, 0x41414141) + b"\0\0\0\0", 1),
        exif_block(struct.pack("<HHII", 0x0112, 99, 1, 6) + b"\0\0\0\0", 1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_broken_exif(stand: Stand, kind: str, exif: bytes) -> None:
    if kind == "JPEG":
        content = in_jpeg(segment(0xE1, b"Exif\0\0" + exif))
    elif kind == "PNG":
        content = in_png(chunk(b"eXIf", exif))
    else:
        content = saved(picture(400, 300), "WEBP", exif=exif or b"x")
    image = await kept(stand, content)
    assert {image.width, image.height} == {400, 300}
    assert image.taken_at is None
    assert image.gps is None


async def test_exif_up_to_a_megabyte_is_read(stand: Stand) -> None:
    exif = exif_block(SIDEWAYS + b"\0\0\0\0", 1)
    for size, shown in ((MAX_EXIF_BYTES - 100, (300, 400)), (10_000_000, (400, 300))):
        content = in_png(chunk(b"eXIf", exif + bytes(size - len(exif))))
        image = await kept(stand, content)
        assert (image.width, image.height) == shown


async def test_jpeg_with_ten_megabytes_of_exif(stand: Stand) -> None:
    """One segment holds 64 KB; many follow each other."""
    first = segment(0xE1, b"Exif\0\0" + exif_block(SIDEWAYS + b"\0\0\0\0", 1))
    more = segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 150
    started = time.perf_counter()
    image = await kept(stand, in_jpeg(first, more))
    assert time.perf_counter() - started < 2
    assert (image.width, image.height) == (400, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("profile", [b"x", b"garbage" * 1000, b"\0" * 128, bytes(1_000_000)], ids=len)
async def test_colour_profile_that_is_none(stand: Stand, kind: str, profile: bytes) -> None:
    image = await kept(stand, saved(picture(240, 160), kind, icc_profile=profile))
    assert image.phash
