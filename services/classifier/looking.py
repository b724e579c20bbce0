"""Asking the engines about a picture, and keeping what they said until it is saved."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog

from services.classifier.domain import Finding
from services.classifier.errors import ImageRejected
from services.classifier.ports import ImageAnalyzer, ImageLink, Picture
from services.contracts.events import BlobCreated
from services.contracts.records import Image, Reason

log = structlog.get_logger()

KEPT: Final = 256

_Version = tuple[str, str, str | None]


class Looking:
    """What was paid for and could not be saved is kept here for the next delivery, of the last 256 pictures."""

    def __init__(self, analyzers: Sequence[ImageAnalyzer], link: ImageLink) -> None:
        self._analyzers = analyzers
        self._link = link
        self._kept: OrderedDict[_Version, dict[str, Finding]] = OrderedDict()

    async def at(
        self, image: Image, event: BlobCreated, engines: Collection[str]
    ) -> tuple[Mapping[str, Finding], Exception | None]:
        """What these engines say, by engine, and the trouble of one that could not say anything.

        The engines are asked at the same time. Raises Unavailable if no link can be made.
        """
        kept = self._kept.setdefault(_version(event), {})
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        asked = [each for each in self._analyzers if each.engine in engines and each.engine not in kept]
        troubles: list[Exception] = []
        if asked:
            picture = Picture(await self._link.of(event.blob), image.width, image.height)
            answers = await asyncio.gather(*(self._ask(each, picture, kept) for each in asked))
            troubles = [trouble for trouble in answers if trouble is not None]
        for trouble in troubles[1:]:
            log.warning("another engine is in trouble too", why=str(trouble))
        return {name: kept[name] for name in engines if name in kept}, troubles[0] if troubles else None

    def forget(self, event: BlobCreated) -> None:
        """What was said of this version of the blob is saved."""
        self._kept.pop(_version(event), None)

    async def _ask(
        self, analyzer: ImageAnalyzer, picture: Picture, kept: dict[str, Finding]
    ) -> Exception | None:
        try:
            kept[analyzer.engine] = await analyzer.analyze(picture)
        except ImageRejected as error:
            kept[analyzer.engine] = Reason(code=error.code, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - the others' findings are saved before it is raised again
            return error
        return None


def _version(event: BlobCreated) -> _Version:
    return event.blob, event.etag, event.request
