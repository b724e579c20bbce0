"""Smart crops: where a picture differs from its surroundings (spectral residual, Hou and Zhang 2007)."""

import math

import cv2
import numpy as np

from emulators.vision.engine.pictures import Picture, grey
from emulators.vision.engine.types import Box, Crop, Floats, Pixels

_SIDE = 64
_LEAST, _MOST = 0.5, 2.0
"""Ratios between which the engine chooses when none is asked for."""
_KEPT = 0.9
"""Share of the saliency, along each axis, that a crop of the engine's choice keeps."""


def saliency(pixels: Pixels) -> Floats:
    """``(64, 64)`` map that sums to 1, whatever the picture's shape."""
    small = cv2.resize(grey(pixels), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_REFLECT)
    back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
    found = cv2.GaussianBlur(np.square(np.abs(back)).astype(np.float32), (0, 0), 2.5)
    found = found - found.min()
    # A little weight for the middle decides where the picture itself does not.
    along = 1 - np.abs(np.linspace(-1, 1, _SIDE, dtype=np.float32)) * 0.5
    found = found * np.outer(along, along) + 1e-9
    return np.asarray(found / found.sum(), dtype=np.float32)


def smart_crops(picture: Picture, ratios: tuple[float, ...]) -> list[Crop]:
    """One crop a ratio, the largest that fits, where most of the saliency is; without ratios, one crop around
    what stands out with a ratio of 0.5..2.0."""
    found = saliency(picture.rgb)
    if not ratios:
        return [_own_choice(picture, found)]
    return [Crop(ratio, _largest(picture, found, ratio)) for ratio in ratios]


def _largest(picture: Picture, found: Floats, ratio: float) -> Box:
    width, height = picture.width, picture.height
    if width / height > ratio:
        crop = max(1, min(width, round(height * ratio)))
        return Box(_best_start(found.sum(axis=0), crop, width), 0, crop, height)
    crop = max(1, min(height, round(width / ratio)))
    return Box(0, _best_start(found.sum(axis=1), crop, height), width, crop)


def _best_start(mass: Floats, crop: int, length: int) -> int:
    cumulated = np.interp(
        np.arange(length + 1), np.linspace(0, length, mass.size + 1), np.concatenate(([0.0], np.cumsum(mass)))
    )
    inside = cumulated[crop:] - cumulated[: length - crop + 1]
    best = np.flatnonzero(inside >= inside.max() - 1e-6)
    return int(best[len(best) // 2])


def _own_choice(picture: Picture, found: Floats) -> Crop:
    left, right = _middle(found.sum(axis=0), picture.width)
    top, bottom = _middle(found.sum(axis=1), picture.height)
    width, height = right - left, bottom - top
    if width / height > _MOST:
        top, bottom = _resize(top, bottom, math.ceil(width / _MOST), picture.height)
        left, right = _resize(left, right, min(right - left, int((bottom - top) * _MOST)), picture.width)
    elif width / height < _LEAST:
        left, right = _resize(left, right, math.ceil(height * _LEAST), picture.width)
        top, bottom = _resize(top, bottom, min(bottom - top, int((right - left) / _LEAST)), picture.height)
    box = Box(left, top, right - left, bottom - top)
    return Crop(round(box.w / box.h, 2), box)


def _middle(mass: Floats, length: int) -> tuple[int, int]:
    cumulated = np.cumsum(mass)
    tail = (1 - _KEPT) / 2
    first = int(np.searchsorted(cumulated, tail))
    last = int(np.searchsorted(cumulated, 1 - tail))
    start = first * length // mass.size
    end = min(length, -(-(last + 1) * length // mass.size))
    return start, max(end, start + 1)


def _resize(start: int, end: int, size: int, length: int) -> tuple[int, int]:
    size = min(size, length)
    middle = (start + end) // 2
    start = max(0, min(middle - size // 2, length - size))
    return start, start + size
