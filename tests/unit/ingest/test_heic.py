"""HEIC: accepted, sent on as JPEG, the original kept."""

import asyncio
import hashlib
import io
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageCms

from services.contracts.identity import image_id, image_id_of_blob
from services.contracts.names import record_key
from services.contracts.records import Original, Status
from services.ingest.adapters import heif
from services.ingest.errors import UnusableImage
from tests.support.pictures import encoded, picture
from tests.support.waiting import until
from tests.unit.ingest.conftest import Open, Stand, assert_problem

HEIC = encoded("HEIF", 240, 160, quality=80)
DIGEST = hashlib.sha256(HEIC).hexdigest()
ID = image_id("C-1", DIGEST)
PICTURE, ORIGINAL = f"C-1/{ID}.jpg", f"_originals/C-1/{ID}.heic"


async def test_both_files_are_kept(stand: Stand) -> None:
    response = await stand.upload(HEIC, claim_id="C-1")
    assert response.status_code == 202, response.text
    assert response.json() == {
        "id": ID,
        "claim_id": "C-1",
        "status": "received",
        "sha256": DIGEST,
        "content_type": "image/heic",
        "size": len(HEIC),
        "width": 240,
        "height": 160,
        "already_known": False,
    }
    assert set(stand.blobs.stored) == {PICTURE, ORIGINAL}
    assert stand.blobs.stored[ORIGINAL].content == HEIC
    assert stand.blobs.stored[ORIGINAL].content_type == "image/heic"
    jpeg = stand.blobs.stored[PICTURE]
    assert jpeg.content_type == "image/jpeg"
    image = stand.record(ID).image
    assert image.original == Original(blob=ORIGINAL, content_type="image/heic", size=len(HEIC), sha256=DIGEST)
    assert (image.blob, image.content_type) == (PICTURE, "image/jpeg")
    assert (image.size, image.sha256) == (len(jpeg.content), hashlib.sha256(jpeg.content).hexdigest())
    shown = Image.open(io.BytesIO(jpeg.content))
    assert (shown.format, shown.size, shown.mode) == ("JPEG", (240, 160), "RGB")
    middle = shown.getpixel((120, 80)), picture(240, 160).getpixel((120, 80))
    assert all(abs(one - other) < 24 for one, other in zip(*middle, strict=True))  # type: ignore[arg-type]


async def test_the_original_raises_no_work(stand: Stand) -> None:
    assert image_id_of_blob(PICTURE) == ID
    assert image_id_of_blob(ORIGINAL) is None


async def test_the_picture_is_written_last(stand: Stand) -> None:
    """It raises the event: by then everything else is there."""
    gate = stand.blobs.faults.hold("put")
    upload = asyncio.create_task(stand.upload(HEIC, claim_id="C-1"))
    await until(lambda: stand.blobs.faults.count("put"))
    assert stand.records.keys() == [record_key(ID)]
    assert not stand.blobs.stored
    gate.set()
    assert (await upload).status_code == 202
    assert list(stand.blobs.stored) == [ORIGINAL, PICTURE]


async def test_again(stand: Stand) -> None:
    first = (await stand.upload(HEIC, claim_id="C-1")).json()
    second = (await stand.upload_raw(HEIC, claim_id="C-1")).json()
    assert second == {**first, "already_known": True}
    assert stand.blobs.faults.count("put") == 2


async def test_deleted(stand: Stand) -> None:
    await stand.upload(HEIC, claim_id="C-1")
    stand.blobs.faults.fail_nth(2, "delete")
    assert_problem(await stand.client.delete(f"/v1/images/{ID}"), 503, "sidecar-unavailable")
    assert set(stand.blobs.stored) == {ORIGINAL}
    assert (await stand.client.delete(f"/v1/images/{ID}")).status_code == 204
    assert stand.is_empty()


@pytest.mark.parametrize("nth", [1, 2])
async def test_storage_away(stand: Stand, nth: int) -> None:
    """No record without its picture; the next upload completes what is there."""
    stand.blobs.faults.fail_nth(nth, "put")
    assert_problem(await stand.upload(HEIC, claim_id="C-1"), 503, "sidecar-unavailable")
    assert not stand.records.keys()
    assert PICTURE not in stand.blobs.stored
    response = await stand.upload(HEIC, claim_id="C-1")
    assert (response.status_code, response.json()["already_known"]) == (202, False)
    assert set(stand.blobs.stored) == {PICTURE, ORIGINAL}


@pytest.mark.parametrize("nth", [1, 2])
async def test_answer_of_storage_lost(stand: Stand, nth: int) -> None:
    stand.blobs.faults.fail_nth(nth, "put", after=True)
    response = await stand.upload(HEIC, claim_id="C-1")
    if nth == 1:
        # The original is not looked for: what counts is the picture.
        assert_problem(response, 503, "sidecar-unavailable")
        response = await stand.upload(HEIC, claim_id="C-1")
    assert response.status_code == 202
    assert set(stand.blobs.stored) == {PICTURE, ORIGINAL}


async def test_taken_over_with_a_newer_converter(stand: Stand) -> None:
    """The first uploader died before the files; what it noted of its conversion may not fit ours."""
    await stand.upload(HEIC, claim_id="C-1")
    stand.blobs.stored.clear()
    dead = stand.record(ID)
    image = dead.image.model_copy(update={"size": 1, "sha256": "00" * 32})
    stand.records.seed(record_key(ID), dead.model_copy(update={"image": image}))
    assert (await stand.upload(HEIC, claim_id="C-1")).json()["already_known"] is True
    record = stand.record(ID)
    assert set(stand.blobs.stored) == {PICTURE, ORIGINAL}
    content = stand.blobs.stored[PICTURE].content
    assert (record.image.size, record.image.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert record.status is Status.RECEIVED


async def test_brands(stand: Stand) -> None:
    for brand in (b"heic", b"heix", b"mif1"):
        content = HEIC[:8] + brand + HEIC[12:]
        assert (await stand.upload(content, claim_id=brand.decode())).status_code == 202
    for brand in (b"avif", b"mp42", b"msf1", b"qt  "):
        assert_problem(await stand.upload(HEIC[:8] + brand + HEIC[12:]), 415, "not-an-image")
    avif_in_mif1 = HEIC[:8] + b"mif1" + HEIC[12:16] + b"avifmif1miaf" + HEIC[28:]
    assert_problem(await stand.upload(avif_in_mif1), 415, "not-an-image")


@pytest.mark.parametrize("kept", [0.02, 0.1, 0.5, 0.9, 0.999])
async def test_truncated(stand: Stand, kept: float) -> None:
    response = await stand.upload(HEIC[: int(len(HEIC) * kept)])
    assert response.status_code == 422, response.text
    assert stand.is_empty()


@pytest.mark.parametrize("place", range(40, 400, 12))
async def test_damaged(stand: Stand, place: int) -> None:
    """Whatever libheif makes of it: an answer."""
    content = HEIC[:place] + b"\xff\x7f\xff\x7f" + HEIC[place + 4 :]
    assert (await stand.upload(content)).status_code in (202, 422)


async def test_sides(stand: Stand) -> None:
    assert_problem(await stand.upload(encoded("HEIF", 40, 300)), 422, "image-dimensions")
    assert stand.is_empty()


def rgba() -> Image.Image:
    image = picture(240, 160).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((240, 160)))
    return image


async def test_transparency_becomes_white(stand: Stand) -> None:
    file = io.BytesIO()
    rgba().save(file, "HEIF", quality=90)
    identifier = (await stand.upload(file.getvalue())).json()["id"]
    shown = Image.open(io.BytesIO(stand.blob_of(identifier).content))
    assert min(shown.getpixel((120, 1))) > 240  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["I;16", "RGB;16"])
async def test_more_than_eight_bits(stand: Stand, mode: str) -> None:
    grey = picture(240, 160).convert("L")
    values = grey.tobytes()
    channels = 3 if mode == "RGB;16" else 1
    wide = b"".join(bytes([value, value]) * channels for value in values)
    file = io.BytesIO()
    pillow_heif.from_bytes(mode, grey.size, wide).save(file, quality=90)
    identifier = (await stand.upload(file.getvalue())).json()["id"]
    shown = Image.open(io.BytesIO(stand.blob_of(identifier).content)).convert("L")
    assert abs(shown.getpixel((120, 80)) - grey.getpixel((120, 80))) < 16  # type: ignore[operator]


async def test_several_pictures(stand: Stand) -> None:
    several = pillow_heif.from_pillow(picture(240, 160))
    several.add_from_pillow(picture(200, 200, seed=1))
    file = io.BytesIO()
    several.save(file)
    body = (await stand.upload(file.getvalue())).json()
    assert (body["width"], body["height"]) == (240, 160)
    assert stand.record(body["id"]).image.frames == 2


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(("profile", "kept"), [(PROFILE, True), (b"garbage" * 99, False)])
async def test_colour_profile_goes_along(stand: Stand, profile: bytes, kept: bool) -> None:
    body = (await stand.upload(encoded("HEIF", icc_profile=profile))).json()
    shown = Image.open(io.BytesIO(stand.blob_of(body["id"]).content))
    assert (shown.info.get("icc_profile") == profile) is kept


async def test_the_jpeg_has_no_metadata_of_the_original(opened: Open) -> None:
    stand = await opened(keep_gps=True)
    exif = Image.Exif()
    exif[0x010F] = "Apple"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 30.5), 3: "E", 4: (11.0, 34.0, 12.0)})
    body = (await stand.upload(encoded("HEIF", exif=exif))).json()
    record = stand.record(body["id"])
    assert record.image.gps
    assert record.image.camera == "Apple"
    assert not Image.open(io.BytesIO(stand.blob_of(body["id"]).content)).getexif()


class Unsaveable(Image.Image):
    """Writes files of the sizes given."""

    sizes: Any

    def convert(self, *_: Any, **__: Any) -> "Unsaveable":
        return self

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        fp.write(b"x" * self.sizes[params["quality"]])


def test_a_jpeg_that_is_too_large_is_made_smaller() -> None:
    image = Unsaveable()
    image.sizes = {92: 300, 80: 200, 60: 100, 30: 50}
    assert len(heif.as_jpeg(image, 150)) == 100
    with pytest.raises(UnusableImage):
        heif.as_jpeg(image, 49)
