"""The record of a picture, as stored in Dapr state and as answered by the query API (docs/api.md).

Times are aware and in UTC. Confidences are 0..1. Boxes and polygons are pixels of the upright image.
Unknown keys are kept, so that an older version of a service hands on what a newer one wrote.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer


def now() -> datetime:
    """The time now, aware, in UTC; to the millisecond, as it is stored: a record reads back as it was written."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``; equal lengths, so that texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
Confidence = Annotated[float, Field(ge=0.0, le=1.0)]


class Status(StrEnum):
    """``rejected``: the picture can never be classified. ``failed``: trouble outlasted the deliveries; replayable."""

    RECEIVED = "received"
    CLASSIFIED = "classified"
    REJECTED = "rejected"
    FAILED = "failed"


class Contract(BaseModel):
    """Base of everything in a record."""

    model_config = ConfigDict(extra="allow")


class Reason(Contract):
    code: str
    detail: str


class Image(Contract):
    """``etag`` is the blob's, without quotes; None until the classifier has seen the blob.

    ``sequencer`` is that of the event that brought this ETag; it orders the versions of one blob.
    """

    blob: str
    etag: str | None = None
    sequencer: str | None = None
    content_type: str
    size: int
    sha256: str
    phash: str | None = None
    width: int
    height: int
    taken_at: Timestamp | None = None
    camera: str | None = None


class Box(Contract):
    x: int
    y: int
    w: int
    h: int


class Caption(Contract):
    text: str
    confidence: Confidence


class Tag(Contract):
    name: str
    confidence: Confidence


class DetectedObject(Contract):
    name: str
    confidence: Confidence
    box: Box


class Person(Contract):
    confidence: Confidence
    box: Box


class TextLine(Contract):
    """A line read from the picture; ``polygon`` is a list of [x, y]."""

    content: str
    polygon: list[tuple[int, int]]


class SmartCrop(Contract):
    aspect_ratio: float
    box: Box


class DenseCaption(Caption):
    """A caption of a part of the picture; the first is of the whole."""

    box: Box


class Analysis(Contract):
    """What one engine said of a picture. ``blob_etag`` names the version of the blob that it looked at."""

    engine: str
    model_version: str
    blob_etag: str | None = None
    caption: Caption | None = None
    tags: list[Tag] = Field(default_factory=list)
    objects: list[DetectedObject] = Field(default_factory=list)
    people: list[Person] = Field(default_factory=list)
    text: list[TextLine] = Field(default_factory=list)
    smart_crops: list[SmartCrop] = Field(default_factory=list)
    dense_captions: list[DenseCaption] = Field(default_factory=list)


class Refusal(Reason):
    """Why an engine cannot analyse a version of the blob; ``blob_etag`` as in Analysis."""

    blob_etag: str


class Label(Contract):
    name: str
    confidence: Confidence
    source: str


class Review(Contract):
    labels: list[str]
    note: str | None = None
    by: str
    at: Timestamp


class HistoryEntry(Contract):
    at: Timestamp
    status: Status
    engine: str | None = None
    model_version: str | None = None


class ImageRecord(Contract):
    """``analysis`` is the primary engine's, and alone decides ``status``. Where further engines look at pictures,
    ``analyses`` has what each of those said and ``refusals`` which of them cannot, by engine.
    """

    id: str
    claim_id: str | None = None
    status: Status
    reason: Reason | None = None
    image: Image
    metadata: dict[str, str] = Field(default_factory=dict)
    analysis: Analysis | None = None
    analyses: dict[str, Analysis] = Field(default_factory=dict)
    refusals: dict[str, Refusal] = Field(default_factory=dict)
    labels: list[Label] = Field(default_factory=list)
    review: Review | None = None
    received_at: Timestamp
    classified_at: Timestamp | None = None
    history: list[HistoryEntry] = Field(default_factory=list)
