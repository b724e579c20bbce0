"""A decoded picture in 32 x 32 grey values, upright, for its perceptual hash."""

from typing import Final

from PIL import Image

from services.ingest.phash import SIDE

MAX_SIDE: Final = 1024
"""Larger pictures are first thinned out to it: averaging all of their pixels would copy them."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def grey(image: Image.Image, orientation: int) -> list[int]:
    """Row by row from the top. ``orientation`` as in EXIF. What is transparent counts as white."""
    thin = tuple(min(side, MAX_SIDE) for side in image.size)
    if thin != image.size:
        image = image.resize(thin, Image.Resampling.NEAREST)  # type: ignore[arg-type]
    small = _eight_bits(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    if orientation in _TURNS:
        small = small.transpose(_TURNS[orientation])
    return list(small.tobytes())


def _eight_bits(image: Image.Image) -> Image.Image:
    """Mode L."""
    if image.mode.startswith(("I", "F")):
        return _stretched(image)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("L")
    if image.mode == "LAB":
        return image.getchannel("L")
    # Not every mode has a way to L of its own.
    return image.convert("RGB").convert("L") if image.mode in ("CMYK", "YCbCr", "HSV") else image.convert("L")


def _stretched(image: Image.Image) -> Image.Image:
    """More than eight bits a value: Pillow would cut them off instead of scaling them."""
    wide = image.convert("I") if image.mode.startswith("I;") else image
    low, high = wide.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    scale = 255 / (high - low) if high > low else 0
    return wide.point(lambda value: value * scale - low * scale).convert("L")
