"""What ingest needs from the world. Each may raise services.platform.errors.SidecarUnavailable."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from services.contracts.records import ImageRecord
from services.ingest.about import About
from services.ingest.formats import Format


class Records(Protocol):
    """Records by state key, with ETags."""

    async def get(self, key: str) -> tuple[ImageRecord, str] | None: ...

    async def create(self, key: str, document: ImageRecord) -> bool:
        """Only if absent; False if it was there."""
        ...

    async def replace(self, key: str, document: ImageRecord, etag: str) -> bool:
        """False if the record no longer has this ETag."""
        ...

    async def delete(self, key: str, etag: str | None = None) -> bool:
        """With an ETag only if it still has it; False if it has not."""
        ...


class Blobs(Protocol):
    """The container of pictures."""

    async def put(self, blob: str, content: bytes, content_type: str) -> None: ...

    async def exists(self, blob: str) -> bool: ...

    async def etag(self, blob: str) -> str | None:
        """Without quotes; None if it is not there."""
        ...

    async def delete(self, blob: str) -> None:
        """Nothing happens if it is not there."""
        ...


class Events(Protocol):
    """The pub/sub component."""

    async def publish(self, topic: str, event_type: str, subject: str, data: BaseModel) -> None: ...


@dataclass(frozen=True)
class Inspected:
    """What a picture's bytes are. ``width`` and ``height`` are those of the upright picture, in pixels.

    ``frames`` and ``phash`` as in contracts.records.Image. ``converted``: the picture as JPEG, upright, where Vision
    does not read the format.
    """

    format: Format
    sha256: str
    width: int
    height: int
    frames: int
    phash: str | None
    about: About
    converted: bytes | None = None


class Inspector(Protocol):
    """Looks at a picture's bytes to the end."""

    async def inspect(self, content: bytes) -> Inspected:
        """Raises NotAnImage (415), UnusableImage (422), or Unavailable when there is no time for it now."""
        ...
