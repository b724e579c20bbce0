"""Pictures for tests, made on the spot."""

import io
import random
from functools import lru_cache
from typing import Any

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def picture(width: int = 120, height: int = 80, *, seed: int = 0) -> Image.Image:
    """A picture with some detail, the same for the same arguments."""
    noise = random.Random(seed).randbytes(16 * 16 * 3)
    return Image.frombytes("RGB", (16, 16), noise).resize((width, height), Image.Resampling.BICUBIC)


def encoded(
    kind: str = "JPEG", width: int = 120, height: int = 80, *, seed: int = 0, **options: Any
) -> bytes:
    """A picture as a file of this kind (Pillow's name of it). ``orientation``: the EXIF one."""
    if orientation := options.pop("orientation", None):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    image = picture(width, height, seed=seed)
    if kind == "MPO":
        options.update(save_all=True, append_images=[picture(width, height, seed=seed + 1)])
    if kind == "ICO":
        options.setdefault("sizes", [(width, height)])
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@lru_cache(maxsize=2)
def large_jpeg(size: int = 19_000_000) -> bytes:
    """A JPEG of about ``size`` bytes: noise, which does not compress."""
    side = int((size / 1.986) ** 0.5)
    noise = Image.frombytes("RGB", (side, side), random.Random(1).randbytes(side * side * 3))
    file = io.BytesIO()
    noise.save(file, "JPEG", quality=100)
    return file.getvalue()
