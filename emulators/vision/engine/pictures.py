"""From bytes to upright RGB pixels, no larger than the work needs."""

import contextlib
import io
import struct
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from emulators.vision.engine.types import Box, Pixels
from emulators.vision.errors import MAX_SIDE, MIN_SIDE, InvalidImageFormat, InvalidImageSize

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "ICO", "TIFF")
"""Pillow's names of what the service reads. MPO comes in through JPEG."""

_REDUCIBLE = frozenset({"L", "RGB", "RGBA", "LA", "CMYK"})
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    MemoryError,
    Image.DecompressionBombError,
    ArithmeticError,
    AttributeError,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright picture: ``width`` × ``height`` as uploaded, ``rgb`` scaled down to at most the side asked for."""

    width: int
    height: int
    rgb: Pixels

    @property
    def scale(self) -> float:
        """Original pixels per pixel of ``rgb``."""
        return self.width / int(self.rgb.shape[1])

    def box(self, x: float, y: float, w: float, h: float) -> Box:
        """A box of ``rgb`` as a box of the original, kept inside it."""
        left, top = max(0, round(x * self.scale)), max(0, round(y * self.scale))
        left, top = min(left, self.width - 1), min(top, self.height - 1)
        return Box(
            left,
            top,
            max(1, min(round(w * self.scale), self.width - left)),
            max(1, min(round(h * self.scale), self.height - top)),
        )

    def cut(self, box: Box) -> Pixels:
        """The pixels of ``rgb`` in a box of the original; at least one."""
        left, top = int(box.x / self.scale), int(box.y / self.scale)
        right, bottom = round((box.x + box.w) / self.scale), round((box.y + box.h) / self.scale)
        return np.ascontiguousarray(self.rgb[top : max(bottom, top + 1), left : max(right, left + 1)])

    @property
    def whole(self) -> Box:
        return Box(0, 0, self.width, self.height)


def decode(data: bytes, side: int, least_short: int = 0) -> Picture:
    """Decode the first frame of ``data``, upright by its EXIF orientation, its longer side at most ``side``;
    longer where the shorter side would otherwise fall under ``least_short``.

    Raises InvalidImageFormat (not one of FORMATS, broken or truncated) and InvalidImageSize (a side outside
    50..16000 pixels, judged from the header before anything is decoded).
    """
    image = _open(data)
    if not (min(image.size) >= MIN_SIDE and max(image.size) <= MAX_SIDE):
        raise InvalidImageSize
    width, height = image.size
    side = max(side, least_short * max(width, height) // min(width, height))
    try:
        if image.format in ("JPEG", "MPO"):
            # JPEG decodes at a half, a quarter or an eighth almost for free.
            share = min(1.0, side / max(width, height))
            image.draft("RGB", (max(1, int(width * share)), max(1, int(height * share))))
        turn = _UPRIGHT.get(_orientation(image))
        image.load()
        factor = max(image.size) // (2 * side)
        if factor >= 2 and image.mode in _REDUCIBLE:
            image = image.reduce(
                factor
            )  # before the conversion: a large picture takes three times as much after
        rgb = shrink(_to_rgb(image), side)
    except _BROKEN as error:
        raise InvalidImageFormat from error
    if turn is not None:
        rgb = np.asarray(Image.fromarray(rgb).transpose(turn))
        if turn in (
            Image.Transpose.TRANSPOSE,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
            Image.Transpose.ROTATE_270,
        ):
            width, height = height, width
    return Picture(width, height, rgb)


def format_of(data: bytes) -> str | None:
    """Pillow's name of the format that ``data`` begins like, of those in FORMATS."""
    Image.init()
    return next((name for name in FORMATS if _begins_like(name, data)), None)


def shrink(pixels: Pixels, side: int) -> Pixels:
    """``pixels`` with its longer side at most ``side``; never enlarged."""
    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _open(data: bytes) -> Image.Image:
    # Not Image.open: it refuses pictures above its own bomb limit, which is lower than the service's.
    Image.init()
    for name in FORMATS:
        if _begins_like(name, data):
            with contextlib.suppress(*_BROKEN):
                return Image.OPEN[name][0](io.BytesIO(data), "")
    raise InvalidImageFormat


def _begins_like(name: str, data: bytes) -> bool:
    accept = Image.OPEN[name][1]
    try:
        return accept is None or accept(data[:16]) is True
    except _BROKEN:
        return False


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except _BROKEN:
        return 1  # a broken EXIF block does not make the picture unreadable


def _to_rgb(image: Image.Image) -> Pixels:
    if image.mode == "RGB":
        return np.asarray(image, dtype=np.uint8)
    if image.mode in ("I", "F", "I;16", "I;16L", "I;16B", "I;16N"):
        return _deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return np.asarray(Image.alpha_composite(paper, layer).convert("RGB"), dtype=np.uint8)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _deep_grey(image: Image.Image) -> Pixels:
    values: npt.NDArray[np.floating] = np.nan_to_num(np.asarray(image, dtype=np.float32))
    if image.mode == "F":
        low, high = float(values.min()), float(values.max())
        values = (values - low) * (255 / (high - low or 1.0))
    else:
        values = values / 257
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
