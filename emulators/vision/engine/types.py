"""What the engine takes and gives. Boxes and polygons are pixels of the upright original picture."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""``(height, width, 3)`` RGB, or ``(height, width)`` grey."""

Floats = npt.NDArray[np.float32]


class Feature(StrEnum):
    """What can be asked for, spelt as on the wire."""

    TAGS = "tags"
    CAPTION = "caption"
    DENSE_CAPTIONS = "denseCaptions"
    OBJECTS = "objects"
    READ = "read"
    SMART_CROPS = "smartCrops"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Box:
    """``x``, ``y`` of the upper left corner; all in pixels."""

    x: int
    y: int
    w: int
    h: int

    @property
    def area(self) -> int:
        return self.w * self.h

    def overlap(self, other: "Box") -> int:
        """Pixels that both cover."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(0, width) * max(0, height)


@dataclass(frozen=True, slots=True)
class Tag:
    """A name and how sure the engine is of it, 0..1."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Found:
    """Something with a place: a person, a face."""

    name: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class Caption:
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class RegionCaption:
    text: str
    confidence: float
    box: Box


Polygon = tuple[tuple[int, int], ...]
"""Four corners, clockwise from the upper left of the text as it is read."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    polygon: Polygon
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    polygon: Polygon
    words: tuple[Word, ...]

    @property
    def box(self) -> Box:
        """The upright box around the line."""
        xs, ys = [x for x, _ in self.polygon], [y for _, y in self.polygon]
        return Box(min(xs), min(ys), max(1, max(xs) - min(xs)), max(1, max(ys) - min(ys)))

    @property
    def confidence(self) -> float:
        return sum(w.confidence for w in self.words) / len(self.words) if self.words else 0.0


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop and its width divided by its height."""

    aspect_ratio: float
    box: Box


@dataclass(frozen=True, slots=True)
class Options:
    """How to look: ratios asked for smart crops (none: one crop of the engine's choice)."""

    crop_ratios: tuple[float, ...] = ()
    gender_neutral: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found. A part that was not asked for is None; one in which nothing was found is empty."""

    model_version: str
    width: int
    height: int
    tags: tuple[Tag, ...] | None = None
    caption: Caption | None = None
    dense_captions: tuple[RegionCaption, ...] | None = None
    objects: tuple[Found, ...] | None = None
    people: tuple[Found, ...] | None = None
    lines: tuple[Line, ...] | None = None
    crops: tuple[Crop, ...] | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
