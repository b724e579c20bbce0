"""The record of a picture, as stored in Dapr state and as answered by the query API (docs/api.md).

Times are aware and in UTC. Confidences are 0..1. Boxes and polygons are pixels of the upright image.
Unknown keys are kept, so that an older version of a service hands on what a newer one wrote.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

SUPERSEDED_KEPT: Final = 5
HISTORY_KEPT: Final = 200


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


class Gps(Contract):
    """Where the picture was taken, as the camera says: degrees, WGS 84, north and east positive."""

    lat: Annotated[float, Field(ge=-90.0, le=90.0)]
    lon: Annotated[float, Field(ge=-180.0, le=180.0)]


class Original(Contract):
    """What was sent, where the picture had to be converted to be analysed."""

    blob: str
    content_type: str
    size: int
    sha256: str


class Image(Contract):
    """``etag`` is the blob's, without quotes; None until the classifier has seen the blob.

    ``sequencer`` is that of the event that brought this ETag; it orders the versions of one blob. ``phash``: 16 hex
    digits, near in Hamming distance for pictures that look alike; None where there is nothing to see. ``frames``:
    pictures or pages in the file, of which the first counts. ``taken_at`` is the camera's clock; in UTC if it says
    its offset (``taken_at_offset``, like ``+02:00``), read as UTC if not.
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
    frames: int = 1
    taken_at: Timestamp | None = None
    taken_at_offset: str | None = None
    camera: str | None = None
    gps: Gps | None = None
    original: Original | None = None


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


class SupersededAnalysis(Analysis):
    """An analysis that a later one, or a rejection, took the place of."""

    superseded_at: Timestamp


class Refusal(Reason):
    """Why an engine cannot analyse a version of the blob; ``blob_etag`` as in Analysis."""

    blob_etag: str


class Evidence(Contract):
    """What an engine said that a label rests on.

    ``kind``: tag, object, caption, phrase, text, lines, people. ``value``: the name of the tag or object, the word of
    the caption, the phrase, the text that matched; of lines and people their number. ``confidence``: as it counts in
    the rule.
    """

    kind: str
    value: str
    confidence: Confidence
    engine: str


class Label(Contract):
    """``source`` is ``rule:`` and the rule's name. ``review``: a person should look, it is not sure enough.

    A picture that no rule fits has the one label ``unlabelled``, of the source ``rule:none`` and confidence 0.
    """

    name: str
    confidence: Confidence
    source: str
    evidence: list[Evidence] = Field(default_factory=list)
    review: bool = False


class Review(Contract):
    labels: list[str]
    note: str | None = None
    by: str
    at: Timestamp


class ClassificationRequest(Contract):
    """Somebody asked that the engines look again. Until they have, the record is as it was.

    ``answered``: the engines that have since. ``done_at``: when the primary had, or when the deliveries were used up,
    and then ``reason`` says so.
    """

    id: str
    at: Timestamp
    by: str
    answered: list[str] = Field(default_factory=list)
    done_at: Timestamp | None = None
    reason: Reason | None = None


class HistoryEntry(Contract):
    """``request``: the classification request that this came of. ``review``: what a person said then."""

    at: Timestamp
    status: Status
    engine: str | None = None
    model_version: str | None = None
    request: str | None = None
    review: Review | None = None


class ImageRecord(Contract):
    """``analysis`` is the primary engine's, and alone decides ``status``. Where further engines look at pictures,
    ``analyses`` has what each of those said and ``refusals`` which of them cannot, by engine.

    ``labels`` are drawn from all of them by the rules that ``label_rules`` names. ``needs_review``: one of the labels
    is for review, and no person has said what is right. ``superseded``: the latest SUPERSEDED_KEPT analyses that
    others took the place of, oldest first.
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
    label_rules: str | None = None
    needs_review: bool = False
    review: Review | None = None
    received_at: Timestamp
    classified_at: Timestamp | None = None
    requested_classification: ClassificationRequest | None = None
    superseded: list[SupersededAnalysis] = Field(default_factory=list)
    history: list[HistoryEntry] = Field(default_factory=list)


def continued(history: Sequence[HistoryEntry], *entries: HistoryEntry) -> list[HistoryEntry]:
    """The history with these entries; of a longer one than HISTORY_KEPT the first and the latest."""
    everything = [*history, *entries]
    if len(everything) <= HISTORY_KEPT:
        return everything
    return [everything[0], *everything[1 - HISTORY_KEPT :]]
