"""Decoding: formats, depths, orientation, limits, and broken files."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from emulators.vision.engine.pictures import decode, shrink
from emulators.vision.errors import InvalidImageFormat, InvalidImageSize
from tests.unit.emulator_vision.pictures import encoded, noise, plain

LEFT_RED = Image.new("RGB", (120, 80), "blue")
LEFT_RED.paste("red", (0, 0, 60, 80))


def is_red(pixel: Any) -> bool:
    return bool(pixel[0] > 180 and pixel[2] < 80)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "MPO", "ICO"])
def test_every_format(kind: str) -> None:
    options: dict[str, Any] = {"sizes": [(120, 80)]} if kind == "ICO" else {}
    picture = decode(encoded(LEFT_RED, kind, **options), 512)
    assert picture.rgb.shape == (80, 120, 3)
    assert picture.rgb.dtype == np.uint8
    assert is_red(picture.rgb[40, 10])
    assert not is_red(picture.rgb[40, 110])


@pytest.mark.parametrize("kind", ["PPM", "TGA", "PCX"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(InvalidImageFormat):
        decode(encoded(plain(), kind), 512)


# Where the red half is after turning the picture as its EXIF says: the pixel that must be red.
@pytest.mark.parametrize(
    ("orientation", "red"),
    [
        (1, (0.5, 0.1)),
        (2, (0.5, 0.9)),
        (3, (0.5, 0.9)),
        (4, (0.5, 0.1)),
        (5, (0.1, 0.5)),
        (6, (0.1, 0.5)),
        (7, (0.9, 0.5)),
        (8, (0.9, 0.5)),
    ],
)
def test_upright_after_exif(orientation: int, red: tuple[float, float]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(LEFT_RED, "JPEG", exif=exif), 512)
    turned = orientation >= 5
    assert (picture.width, picture.height) == ((80, 120) if turned else (120, 80))
    height, width = picture.rgb.shape[:2]
    assert (width, height) == (picture.width, picture.height)
    assert is_red(picture.rgb[int(red[0] * height), int(red[1] * width)])
    assert not is_red(picture.rgb[int((1 - red[0]) * height) - 1, int((1 - red[1]) * width) - 1])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_no_harm() -> None:
    data = encoded(LEFT_RED, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert decode(data, 512).width == 120


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LA", "RGBA", "I;16", "I", "F"])
def test_every_mode(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((80, 120), 65535, np.uint16))
    elif mode in ("I", "F"):
        image = Image.fromarray(np.full((80, 120), 65535, np.int32 if mode == "I" else np.float32))
    else:
        image = LEFT_RED.convert(mode)
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG", "F": "TIFF", "I": "TIFF"}.get(mode, "PNG")
    assert decode(encoded(image, kind), 512).rgb.shape == (80, 120, 3)


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    half = Image.fromarray(np.full((60, 60), 32768, np.uint16))
    assert abs(int(decode(encoded(half, "PNG"), 512).rgb[0, 0, 0]) - 127) <= 1


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    assert decode(encoded(clear, "PNG"), 512).rgb[0, 0].tolist() == [255, 255, 255]


def test_the_first_frame_of_many() -> None:
    frames = [plain((255, 0, 0)), plain((0, 255, 0))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert is_red(decode(data, 512).rgb[5, 5])


@pytest.mark.parametrize("size", [(49, 60), (60, 49), (16001, 60), (60, 16001)])
def test_sides_out_of_range(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImageSize):
        decode(encoded(Image.new("L", size), "PNG"), 512)


@pytest.mark.parametrize("size", [(50, 50), (16000, 50)])
def test_sides_just_in_range(size: tuple[int, int]) -> None:
    assert decode(encoded(Image.new("L", size), "PNG"), 512).width == size[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_truncated(kind: str, share: float) -> None:
    data = encoded(noise(), kind)
    with pytest.raises(InvalidImageFormat):
        decode(data[: int(len(data) * share)], 512)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"BM" + b"\0" * 60,
        b"II*\0" + b"\xff" * 40,
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\0\0\1\0" + b"\xff" * 40,
    ],
)
def test_junk_behind_a_known_beginning(data: bytes) -> None:
    with pytest.raises(InvalidImageFormat):
        decode(data, 512)


def test_pixels_are_no_larger_than_needed_and_boxes_are_of_the_original() -> None:
    picture = decode(encoded(noise((1600, 1000))), 512)
    assert picture.rgb.shape[1] <= 512
    assert (picture.width, picture.height) == (1600, 1000)
    box = picture.box(0, 0, picture.rgb.shape[1], picture.rgb.shape[0])
    assert (box.w, box.h) == (1600, 1000)
    outside = picture.box(510, 0, 50, 10)
    assert outside.x + outside.w <= 1600


def test_a_long_strip_keeps_a_short_side_worth_looking_at() -> None:
    picture = decode(encoded(noise((3000, 300)), "PNG"), 512, least_short=224)
    assert min(picture.rgb.shape[:2]) >= 223


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_large_picture_is_reduced_where_it_lies(mode: str) -> None:
    image = Image.new(mode, (4000, 1000), "white")
    image.paste("black", (0, 0, 2000, 1000))
    picture = decode(encoded(image, "PNG"), 256)
    assert picture.rgb.shape == (64, 256, 3)
    assert picture.rgb[30, 60].tolist() == [0, 0, 0]
    assert picture.rgb[30, 200].tolist() == [255, 255, 255]


def test_nothing_is_enlarged() -> None:
    pixels = np.zeros((10, 20, 3), np.uint8)
    assert shrink(pixels, 512) is pixels
