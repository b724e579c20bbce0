"""One look at one picture: runs the parts that the wanted features need, each once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2

from emulators.vision.engine import captions, crops, pixels
from emulators.vision.engine.classifier import Classifier
from emulators.vision.engine.people import PeopleFinder
from emulators.vision.engine.people import people as people_of
from emulators.vision.engine.pictures import Picture, decode
from emulators.vision.engine.text import TextReader
from emulators.vision.engine.types import (
    Analysis,
    Caption,
    Feature,
    Floats,
    Found,
    Line,
    Options,
    RegionCaption,
    Tag,
)

_SIDE = 512
"""Longer side that suffices to tell what is in a picture."""
_LEAST_SHORT = 224
_READING_SIDE = 1280
"""Longer side at which small print is still legible."""
_CAPTIONS = {Feature.CAPTION, Feature.DENSE_CAPTIONS}
_NEED_PEOPLE = {Feature.PEOPLE, Feature.OBJECTS, *_CAPTIONS}
"""Not tags: looking for faces takes three times as long as all the rest of them. They get what it finds."""
_NEED_CLASSES = {Feature.TAGS, *_CAPTIONS}
_MOST_REGIONS = 10
_DETAIL_SHARE = 0.6
"""A region is a detail, with a caption of its own, up to this share of the picture."""
_DETAIL_SURE = 0.6
_PAGE_LINES, _PAGE_SHARE = 5, 0.1
"""Lines, and the share of the picture that they take up, that make a document."""


class Engine:
    """Analyses pictures. Safe to call from several threads; each call takes one core."""

    def __init__(
        self,
        classifier: Classifier | None = None,
        people: PeopleFinder | None = None,
        reader: TextReader | None = None,
    ) -> None:
        """Without a ``classifier``, tags and captions are of what the pixels, the faces and the text say."""
        cv2.setNumThreads(1)
        self._classifier = classifier
        self._people = people or PeopleFinder()
        self._reader = reader or TextReader()

    @property
    def model_version(self) -> str:
        parts = [f"opencv-{cv2.__version__}", self._reader.version]
        return "+".join(([self._classifier.name] if self._classifier else ["pixels"]) + parts)

    def load(self) -> None:
        """Read the models that are not loaded yet, so that the first picture does not wait for them."""
        self._reader.load()

    def analyze(self, data: bytes, wanted: frozenset[Feature], options: Options) -> Analysis:
        """Look at ``data`` (an encoded picture). Raises InvalidImage for what cannot be decoded."""
        spent: dict[str, float] = {}
        with _timed(spent, "decode"):
            picture = decode(data, _READING_SIDE if Feature.READ in wanted else _SIDE, _LEAST_SHORT)
        facts: pixels.PixelFacts | None = None
        classes: Floats | None = None
        faces: list[Found] = []
        lines: list[Line] = []
        if wanted & _NEED_CLASSES:
            with _timed(spent, "pixels"):
                facts = pixels.measure(picture)
            if self._classifier is not None and not facts.blank:
                with _timed(spent, "classify"):
                    classes = self._classifier.classify(picture.rgb)
        if wanted & _NEED_PEOPLE:
            with _timed(spent, "people"):
                faces = self._people.faces(picture)
        people = people_of(faces)
        if Feature.READ in wanted:
            with _timed(spent, "read"):
                lines = self._reader.read(picture)
        caption = captions.compose(facts, self._subject(classes), people, lines) if facts else None
        regions: tuple[RegionCaption, ...] | None = None
        if caption and Feature.DENSE_CAPTIONS in wanted:
            with _timed(spent, "regions"):
                regions = self._regions(picture, caption, people, lines)
        found_crops = None
        if Feature.SMART_CROPS in wanted:
            with _timed(spent, "crops"):
                found_crops = tuple(crops.smart_crops(picture, options.crop_ratios))
        return Analysis(
            model_version=self.model_version,
            width=picture.width,
            height=picture.height,
            tags=self._tags(picture, facts, classes, [*people, *faces], lines)
            if facts and Feature.TAGS in wanted
            else None,
            caption=caption if Feature.CAPTION in wanted else None,
            dense_captions=regions,
            objects=tuple(people) if Feature.OBJECTS in wanted else None,
            people=tuple(people) if Feature.PEOPLE in wanted else None,
            lines=tuple(lines) if Feature.READ in wanted else None,
            crops=found_crops,
            timings_ms=spent,
        )

    def words(self, data: bytes) -> dict[str, float]:
        """Every word that the engine has for pictures, with its probability in this one. Raises InvalidImage."""
        picture = decode(data, _SIDE, _LEAST_SHORT)
        found: dict[str, float] = {}
        if self._classifier is not None:
            found = self._classifier.vocabulary.words(self._classifier.classify(picture.rgb))
        for each in (*(faces := self._people.faces(picture)), *people_of(faces)):
            found[each.name] = max(found.get(each.name, 0.0), each.confidence)
        return found

    def _subject(self, classes: Floats | None) -> Caption | None:
        if self._classifier is None or classes is None:
            return None
        return self._classifier.vocabulary.subject(classes)

    def _tags(
        self,
        picture: Picture,
        facts: pixels.PixelFacts,
        classes: Floats | None,
        found: Sequence[Found],
        lines: Sequence[Line],
    ) -> tuple[Tag, ...]:
        tags = pixels.tags(facts) + [Tag(each.name, each.confidence) for each in found]
        if self._classifier is not None and classes is not None:
            tags += self._classifier.vocabulary.tags(classes)
        if lines:
            sure = round(max(line.confidence for line in lines), 4)
            tags.append(Tag("text", sure))
            covered = sum(line.box.area for line in lines) / picture.whole.area
            if len(lines) >= _PAGE_LINES and covered >= _PAGE_SHARE:
                tags.append(Tag("document", round(sure * 0.8, 4)))
        best: dict[str, Tag] = {}
        for tag in tags:
            if tag.name not in best or best[tag.name].confidence < tag.confidence:
                best[tag.name] = tag
        return tuple(sorted(best.values(), key=lambda tag: (-tag.confidence, tag.name)))

    def _regions(
        self, picture: Picture, caption: Caption, people: Sequence[Found], lines: Sequence[Line]
    ) -> tuple[RegionCaption, ...]:
        """Captions of regions; the first is of the whole picture."""
        found = [RegionCaption(caption.text, caption.confidence, picture.whole)]
        found += [RegionCaption(f"a {p.name}", p.confidence, p.box) for p in people]
        detail = crops.smart_crops(picture, ())[0].box
        if self._classifier is not None and detail.area <= _DETAIL_SHARE * picture.whole.area:
            subject = self._subject(self._classifier.classify(picture.cut(detail)))
            if subject and subject.confidence >= _DETAIL_SURE and subject.text not in caption.text:
                found.append(RegionCaption(subject.text, subject.confidence, detail))
        for line in lines:
            found.append(RegionCaption(f'text that reads "{line.text}"', round(line.confidence, 4), line.box))
        return tuple(found[:_MOST_REGIONS])


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    spent[name] = round((time.perf_counter() - start) * 1000, 2)
