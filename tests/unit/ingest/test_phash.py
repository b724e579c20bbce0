"""The perceptual hash: near for pictures that look alike, far for others, in every format and mode."""

import io
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from services.ingest.adapters.grey import grey
from services.ingest.phash import SIDE, phash
from tests.support.pictures import encoded, picture
from tests.unit.ingest.conftest import Stand

NEAR = 4


def hashed(image: Image.Image) -> str:
    found = phash(grey(image, 1))
    assert found
    return found


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_it_is_the_published_transform() -> None:
    """Against the definition, written out with matrices."""
    values = np.array(grey(picture(300, 200), 1), float).reshape(SIDE, SIDE)
    places = np.arange(SIDE)
    matrix = np.sqrt(2 / SIDE) * np.cos(np.pi / 2 / SIDE * np.outer(places, 2 * places + 1))
    low = (matrix @ values @ matrix.T)[1:9, 1:9].ravel()
    bits = "".join("1" if strength > np.median(low) else "0" for strength in low)
    assert hashed(picture(300, 200)) == f"{int(bits, 2):016x}"


def test_it_stays_what_it_is() -> None:
    """Stored hashes are compared with it."""
    assert hashed(picture(400, 300)) == "057ae96a3c28ee4b"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_features_has_none(level: int) -> None:
    assert phash(grey(Image.new("L", (200, 100), level), 1)) is None
    assert phash(grey(Image.effect_noise((600, 600), 10).point(lambda value: value / 40), 1)) is None


CHANGES: dict[str, Any] = {
    "smaller": lambda image: image.resize((160, 120)),
    "much smaller": lambda image: image.resize((64, 48)),
    "larger": lambda image: image.resize((1600, 1200), Image.Resampling.BICUBIC),
    "stretched": lambda image: image.resize((400, 400)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "grey": lambda image: image.convert("L"),
    "worse": lambda image: Image.open(io.BytesIO(encoded_as(image, "JPEG", quality=15))),
}


def encoded_as(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("change", CHANGES)
def test_alike(change: str) -> None:
    for seed in range(8):
        before = picture(800, 600, seed=seed)
        assert distance(hashed(before), hashed(CHANGES[change](before))) <= NEAR


def test_different() -> None:
    hashes = [hashed(picture(400, 300, seed=seed)) for seed in range(24)]
    assert min(distance(one, other) for one, other in combinations(hashes, 2)) > 12


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"])
def test_modes(mode: str) -> None:
    image = picture(400, 300)
    if mode == "I;16":
        wide = image.convert("L").convert("I").point(lambda value: value * 257)
        other = wide.convert("I;16")
    else:
        other = (image.convert("L") if mode in ("I", "F") else image).convert(mode)
    assert distance(hashed(image), hashed(other)) <= NEAR


def test_what_is_transparent_is_white() -> None:
    seen = Image.radial_gradient("L").resize((400, 300)).point(lambda value: 255 if value < 120 else 0)
    clear = Image.composite(picture(400, 300).convert("RGBA"), Image.new("RGBA", (400, 300)), seen)
    white, black = (
        Image.composite(picture(400, 300), Image.new("RGB", (400, 300), colour), seen)
        for colour in ("white", "black")
    )
    assert hashed(clear) == hashed(white)
    assert hashed(clear) != hashed(black)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "MPO", "HEIF", "ICO"])
async def test_in_the_record(stand: Stand, kind: str) -> None:
    body = (await stand.upload(encoded(kind, 240, 240))).json()
    found = stand.record(body["id"]).image.phash
    assert found
    assert distance(found, hashed(picture(240, 240))) <= NEAR


@pytest.mark.parametrize("size", [(60, 50), (120, 80), (2000, 60), (3000, 2000)])
async def test_a_jpeg_that_is_decoded_in_part(stand: Stand, size: tuple[int, int]) -> None:
    body = (await stand.upload(encoded("JPEG", *size, quality=90))).json()
    found = stand.record(body["id"]).image.phash
    assert found
    assert distance(found, hashed(picture(*size))) <= NEAR


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_of_the_upright_picture(stand: Stand, kind: str, orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    upright = picture(640, 480)
    if orientation in turns:
        upright = upright.transpose(turns[orientation])
    body = (await stand.upload(encoded(kind, 640, 480, orientation=orientation))).json()
    assert (body["width"], body["height"]) == upright.size
    found = stand.record(body["id"]).image.phash
    assert found
    assert distance(found, hashed(upright)) <= NEAR
