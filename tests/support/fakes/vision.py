"""An engine and a link in memory, for the classifier's ports."""

import asyncio
from collections import deque

from services.classifier.errors import AnalyzerUnavailable, LinkUnavailable
from services.classifier.ports import ImageBytes, ImageInput, ImageUrl, Picture
from services.contracts.records import Analysis, Caption, Tag
from services.platform.errors import ServiceError, SidecarUnavailable
from tests.support.fakes.faults import Faults


class FakeAnalyzer:
    """Says the same of every picture, as ``version``. ``seen`` has what it was given, in order; ``answers``
    counts what it said, ``will_raise`` plans errors.

    A planned fault of ``faults`` becomes AnalyzerUnavailable: before, the engine was away; after, its answer was lost.
    """

    def __init__(self, engine: str = "fake-vision") -> None:
        self.engine = engine
        self.version = "fake-1"
        self.faults = Faults()
        self.seen: list[Picture] = []
        self.answers = 0
        self.errors: deque[Exception] = deque()
        self.refusal: ServiceError | None = None
        self._gates: deque[asyncio.Event] = deque()

    @property
    def calls(self) -> int:
        return self.faults.count("analyze")

    def will_raise(self, *errors: Exception) -> None:
        """One for each of the next calls."""
        self.errors.extend(errors)

    def hold_next(self) -> asyncio.Event:
        """The next call, and no other, waits until the event is set."""
        self._gates.append(asyncio.Event())
        return self._gates[-1]

    async def check(self) -> None:
        if self.refusal:
            raise self.refusal

    async def analyze(self, picture: Picture) -> Analysis:
        self.seen.append(picture)
        try:
            async with self.faults.call("analyze"):
                if self._gates:
                    await self._gates.popleft().wait()
                if self.errors:
                    raise self.errors.popleft()
        except SidecarUnavailable as error:
            raise AnalyzerUnavailable(error.detail) from error
        self.answers += 1
        return Analysis(
            engine=self.engine,
            model_version=self.version,
            caption=Caption(text="a car", confidence=0.9),
            tags=[Tag(name="car", confidence=0.99)],
        )


class FakeLink:
    """A link for every blob; ``as_bytes`` gives bytes instead."""

    def __init__(self, *, as_bytes: bool = False) -> None:
        self.faults = Faults()
        self._as_bytes = as_bytes

    async def of(self, blob: str) -> ImageInput:
        try:
            async with self.faults.call("of"):
                pass
        except SidecarUnavailable as error:
            raise LinkUnavailable(error.detail) from error
        return ImageBytes(blob.encode()) if self._as_bytes else ImageUrl(f"http://blobs.test/images/{blob}")
