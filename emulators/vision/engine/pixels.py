"""What the pixels say by themselves: colours, brightness, contrast, sharpness, shape of the frame."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from emulators.vision.engine.pictures import Picture, grey, shrink
from emulators.vision.engine.types import Pixels, Tag

_SIDE = 96
_SHARPNESS_SIDE = 512
_COLOUR_SHARE = 0.22
"""From this share of the picture on, a colour is worth a tag."""
_MOST_CONFIDENT = 0.6
"""Above what a look at the pixels alone may claim: what is *in* the picture comes first in a sorted list."""

_NAMES = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "grey",
    "black",
)
_BROWN, _WHITE, _GREY, _BLACK = 7, 8, 9, 10
_WARM = (0, 1, 2)
# Upper ends of OpenCV's hues (0..179) with the colour below each.
_HUES = ((8, 0), (20, 1), (34, 2), (85, 3), (130, 4), (150, 5), (170, 6), (256, 0))
_BY_HUE = np.array([next(colour for end, colour in _HUES if hue < end) for hue in range(256)])


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """``colours``: share of the picture by name, largest first. ``brightness``, ``contrast``: 0..1 (mean and
    standard deviation of luminance). ``sharpness``: variance of the Laplacian at a longer side of 512."""

    colours: tuple[tuple[str, float], ...]
    brightness: float
    contrast: float
    sharpness: float
    colourfulness: float
    aspect_ratio: float

    @property
    def monochrome(self) -> bool:
        return self.colourfulness < 0.04

    @property
    def blurry(self) -> bool:
        return self.sharpness < 12 and self.contrast > 0.04

    @property
    def blank(self) -> bool:
        """Nothing to see: one even surface."""
        return self.contrast < 0.02 and self.sharpness < 4

    @property
    def dark(self) -> bool:
        return self.brightness < 0.18

    @property
    def bright(self) -> bool:
        return self.brightness > 0.85


def measure(picture: Picture) -> PixelFacts:
    small = shrink(picture.rgb, _SIDE)
    light = grey(small).astype(np.float32) / 255
    hsv = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2HSV))
    sharp = cv2.Laplacian(grey(shrink(picture.rgb, _SHARPNESS_SIDE)), cv2.CV_32F).var()
    chroma = (small.max(axis=2).astype(np.float32) - small.min(axis=2)) / 255
    return PixelFacts(
        colours=_shares(hsv),
        brightness=float(light.mean()),
        contrast=float(light.std()),
        sharpness=float(sharp),
        colourfulness=float(chroma.mean()),
        aspect_ratio=picture.width / picture.height,
    )


def tags(facts: PixelFacts) -> list[Tag]:
    """Tags for what stands out; an ordinary exposure or shape gives none."""
    found = []
    if facts.blank:
        found.append(Tag("blank", _MOST_CONFIDENT))
    if facts.monochrome and not facts.blank:
        found.append(Tag("black and white", _MOST_CONFIDENT))
    for name, share in facts.colours[:3]:
        if share >= _COLOUR_SHARE and not (facts.monochrome and name in ("white", "grey", "black")):
            found.append(Tag(name, _capped(share)))
    if facts.blurry:
        found.append(Tag("blurry", _capped(1 - facts.sharpness / 24)))
    if facts.dark:
        found.append(Tag("dark", _capped(1 - facts.brightness * 2)))
    if facts.bright:
        found.append(Tag("bright", _capped(facts.brightness - 0.35)))
    if facts.aspect_ratio >= 2:
        found.append(Tag("panorama", _capped(facts.aspect_ratio / 5)))
    elif facts.aspect_ratio <= 0.8:
        found.append(Tag("portrait format", 0.5))
    return found


def _capped(value: float) -> float:
    return round(max(0.2, min(_MOST_CONFIDENT, value)), 4)


def _shares(hsv: npt.NDArray[np.uint8]) -> tuple[tuple[str, float], ...]:
    hue, saturation, value = (hsv[:, :, i].ravel() for i in range(3))
    colours = _BY_HUE[hue]
    colours[(np.isin(colours, _WARM)) & (value < 165) & (hue >= 4) & (hue <= 30)] = _BROWN
    plain = saturation < 46
    colours[plain & (value >= 190)] = _WHITE
    colours[plain & (value < 190)] = _GREY
    colours[(value < 48) | (plain & (value < 60))] = _BLACK
    counts = np.bincount(colours, minlength=len(_NAMES))
    order = np.argsort(-counts, kind="stable")
    return tuple((_NAMES[i], float(counts[i]) / colours.size) for i in order if counts[i])


def luminance(pixels: Pixels, side: int) -> Pixels:
    """Grey pixels with the longer side at most ``side``."""
    return grey(shrink(pixels, side))
