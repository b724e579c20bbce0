"""One look at one picture: runs the parts that the wanted features need, each once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from emulators.vision.engine import captions, crops, pixels
from emulators.vision.engine.people import PeopleFinder
from emulators.vision.engine.pictures import Picture, decode
from emulators.vision.engine.text import TextReader
from emulators.vision.engine.types import (
    Analysis,
    Box,
    Caption,
    Feature,
    Found,
    Line,
    Options,
    RegionCaption,
    Tag,
)

_SIDE = 512
"""Longer side that suffices to tell what is in a picture."""
_READING_SIDE = 1920
"""Longer side at which small print is still legible."""
_CAPTIONS = {Feature.CAPTION, Feature.DENSE_CAPTIONS}
_NEED_PEOPLE = {Feature.PEOPLE, Feature.OBJECTS, *_CAPTIONS}
_MOST_REGIONS = 10


class Engine:
    """Analyses pictures. Safe to call from several threads; each call takes one core."""

    def __init__(self, people: PeopleFinder | None = None, reader: TextReader | None = None) -> None:
        cv2.setNumThreads(1)
        self._people = people or PeopleFinder()
        self._reader = reader or TextReader()

    @property
    def model_version(self) -> str:
        return f"pixels-1+opencv-{cv2.__version__}+{self._reader.version}"

    def load(self) -> None:
        """Read the models, so that the first picture does not wait for them."""
        self._reader.load()

    def analyze(self, data: bytes, wanted: frozenset[Feature], options: Options) -> Analysis:
        """Look at ``data`` (an encoded picture). Raises InvalidImage for what cannot be decoded."""
        spent: dict[str, float] = {}
        with _timed(spent, "decode"):
            picture = decode(data, _READING_SIDE if Feature.READ in wanted else _SIDE)
        with _timed(spent, "pixels"):
            facts = pixels.measure(picture)
        people: list[Found] = []
        faces: list[Found] = []
        if wanted & _NEED_PEOPLE:
            with _timed(spent, "people"):
                people, faces = self._people.people(picture)
        lines: list[Line] = []
        if Feature.READ in wanted:
            with _timed(spent, "read"):
                lines = self._reader.read(picture)
        caption = captions.compose(facts, None, people, lines)
        tags = _tags(facts, people, faces, lines)

        with _timed(spent, "crops"):
            found_crops = (
                tuple(crops.smart_crops(picture, options.crop_ratios))
                if Feature.SMART_CROPS in wanted
                else None
            )
        return Analysis(
            model_version=self.model_version,
            width=picture.width,
            height=picture.height,
            tags=tags if Feature.TAGS in wanted else None,
            caption=caption if Feature.CAPTION in wanted else None,
            dense_captions=_regions(picture, caption, people, lines)
            if Feature.DENSE_CAPTIONS in wanted
            else None,
            objects=tuple(people) if Feature.OBJECTS in wanted else None,
            people=tuple(people) if Feature.PEOPLE in wanted else None,
            lines=tuple(lines) if Feature.READ in wanted else None,
            crops=found_crops,
            timings_ms=spent,
        )


def _tags(
    facts: pixels.PixelFacts, people: list[Found], faces: list[Found], lines: list[Line]
) -> tuple[Tag, ...]:
    found = {tag.name: tag for tag in pixels.tags(facts)}
    for names in (people, faces):
        if names:
            best = max(names, key=lambda each: each.confidence)
            found[best.name] = Tag(best.name, best.confidence)
    if lines:
        found["text"] = Tag("text", round(max(line.confidence for line in lines), 4))
    return tuple(sorted(found.values(), key=lambda tag: (-tag.confidence, tag.name)))


def _regions(
    picture: Picture, caption: Caption, people: list[Found], lines: list[Line]
) -> tuple[RegionCaption, ...]:
    """Captions of regions; the first is of the whole picture."""
    found = [RegionCaption(caption.text, caption.confidence, picture.whole)]
    found += [RegionCaption(f"a {p.name}", p.confidence, p.box) for p in people]
    for line in lines:
        xs, ys = [x for x, _ in line.polygon], [y for _, y in line.polygon]
        left, top = min(xs), min(ys)
        box = Box(left, top, max(1, max(xs) - left), max(1, max(ys) - top))
        found.append(RegionCaption(f'text that reads "{line.text}"', round(line.confidence, 4), box))
    return tuple(found[:_MOST_REGIONS])


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    spent[name] = round((time.perf_counter() - start) * 1000, 2)
