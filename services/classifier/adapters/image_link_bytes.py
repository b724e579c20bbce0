"""The bytes themselves, read through the Dapr binding: where no link can be signed, or the engine cannot reach it."""

from typing import Protocol

from services.classifier.errors import LinkUnavailable
from services.classifier.ports import ImageBytes


class Reader(Protocol):
    """What it takes of services.platform.dapr.blobs.BlobBinding."""

    async def get(self, blob: str) -> bytes | None: ...


class BytesThroughDapr:
    def __init__(self, blobs: Reader) -> None:
        self._blobs = blobs

    async def of(self, blob: str) -> ImageBytes:
        content = await self._blobs.get(blob)
        if content is None:
            raise LinkUnavailable(f"there is no blob {blob!r} now")
        return ImageBytes(content)
