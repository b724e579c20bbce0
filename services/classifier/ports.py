"""What the classifier needs from the world. Each raises services.platform.errors.Unavailable for passing trouble."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, Field

from services.classifier.labels.reading import RuleSet
from services.contracts.records import Analysis, ImageRecord, Timestamp


@dataclass(frozen=True)
class ImageUrl:
    """A link that the engine can read for a while. It is a secret: it does not show in ``repr``."""

    url: str

    def __repr__(self) -> str:
        return f"ImageUrl({self.url.partition('?')[0]!r}, …)"


@dataclass(frozen=True)
class ImageBytes:
    content: bytes

    def __repr__(self) -> str:
        return f"ImageBytes({len(self.content)} bytes)"


ImageInput = ImageUrl | ImageBytes


@dataclass(frozen=True)
class Picture:
    """``width`` and ``height``: pixels of the upright picture."""

    content: ImageInput
    width: int
    height: int


class ImageLink(Protocol):
    """How an engine gets at a blob."""

    async def of(self, blob: str) -> ImageInput:
        """Raises LinkUnavailable or another Unavailable."""
        ...


class ImageAnalyzer(Protocol):
    """One engine. ``engine`` is the name that its results carry."""

    @property
    def engine(self) -> str: ...

    async def analyze(self, picture: Picture) -> Analysis:
        """One paid call. Raises ImageRejected, PictureUnreadable, AnalyzerUnavailable and its kinds."""
        ...

    async def check(self) -> None:
        """Raises AnalyzerRefused while the engine refuses us; makes no paid call."""
        ...


class Records(Protocol):
    """Records by state key, with ETags."""

    async def get(self, key: str) -> tuple[ImageRecord, str] | None: ...

    async def replace(self, key: str, document: ImageRecord, etag: str) -> bool:
        """False if the record no longer has this ETag."""
        ...


class ClaimDocument(BaseModel):
    """Who works on a version of a blob, since when, and when nobody can be any more."""

    owner: str
    at: Timestamp
    expires_at: Timestamp = Field(description="The store forgets the document about then, or later.")


class ClaimStore(Protocol):
    """Claims by state key."""

    async def get(self, key: str) -> tuple[ClaimDocument, str] | None: ...

    async def create(self, key: str, document: ClaimDocument, *, ttl_s: int | None = None) -> bool:
        """Only if absent; False if it was there."""
        ...

    async def delete(self, key: str, etag: str | None = None) -> bool:
        """With an ETag only if it still has it; False if it has not."""
        ...


class EventPublisher(Protocol):
    async def publish(self, topic: str, event_type: str, subject: str, data: BaseModel) -> None: ...


class LabelRules(Protocol):
    """The rules that labels are drawn by; they may change while the service runs."""

    def current(self) -> RuleSet: ...
