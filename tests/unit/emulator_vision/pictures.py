"""Pictures that tests draw themselves."""

import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def plain(colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (320, 240)) -> Image.Image:
    return Image.new("RGB", size, colour)


def noise(size: tuple[int, int] = (320, 240), seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


def with_text(*lines: str, size: tuple[int, int] = (640, 360)) -> Image.Image:
    page = np.full((size[1], size[0], 3), 255, np.uint8)
    for i, line in enumerate(lines):
        cv2.putText(
            page, line, (40, 90 + i * 80), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (10, 10, 10), 3, cv2.LINE_AA
        )
    return Image.fromarray(page)


def spot(at: tuple[int, int], size: tuple[int, int] = (800, 400), radius: int = 40) -> Image.Image:
    """One bright textured disc on a dull ground."""
    page = np.full((size[1], size[0], 3), 90, np.uint8)
    cv2.circle(page, at, radius, (250, 220, 40), -1)
    cv2.circle(page, at, radius // 2, (20, 20, 160), -1)
    return Image.fromarray(page)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
