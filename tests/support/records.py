"""Records that tests make."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.contracts.identity import blob_name, image_id
from services.contracts.records import (
    Analysis,
    Caption,
    HistoryEntry,
    Image,
    ImageRecord,
    Label,
    Review,
    Status,
    Tag,
    TextLine,
)

BEGINNING = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def received(number: int = 0, *, claim_id: str | None = "C-1", at: datetime | None = None) -> ImageRecord:
    """A picture just taken in; ``number`` tells pictures apart and is when it came: seconds after BEGINNING."""
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    identifier = image_id(claim_id, sha256)
    at = at or BEGINNING + timedelta(seconds=number)
    return ImageRecord(
        id=identifier,
        claim_id=claim_id,
        status=Status.RECEIVED,
        image=Image(
            blob=blob_name(claim_id, identifier, "jpg"),
            content_type="image/jpeg",
            size=1000,
            sha256=sha256,
            width=640,
            height=480,
        ),
        received_at=at,
        history=[HistoryEntry(at=at, status=Status.RECEIVED)],
    )


def classified(
    number: int = 0,
    *,
    claim_id: str | None = "C-1",
    at: datetime | None = None,
    tags: Mapping[str, float] | None = None,
    labels: Mapping[str, float] | None = None,
    caption: str = "",
    text: str = "",
) -> ImageRecord:
    """The same picture, two seconds later, with what the engine found."""
    record = received(number, claim_id=claim_id, at=at)
    then = record.received_at + timedelta(seconds=2)
    return record.model_copy(
        update={
            "status": Status.CLASSIFIED,
            "analysis": Analysis(
                engine="test",
                model_version="1",
                caption=Caption(text=caption, confidence=0.8) if caption else None,
                tags=[Tag(name=name, confidence=confidence) for name, confidence in (tags or {}).items()],
                text=[TextLine(content=line, polygon=[(0, 0)]) for line in text.splitlines()],
            ),
            "labels": [
                Label(name=name, confidence=confidence, source="rule:test")
                for name, confidence in (labels or {}).items()
            ],
            "classified_at": then,
            "history": [*record.history, HistoryEntry(at=then, status=Status.CLASSIFIED)],
        }
    )


def looking(record: ImageRecord, phash: str | None, *, sha256: str | None = None) -> ImageRecord:
    """The record with this perceptual hash, and the digest of other bytes."""
    facts = {"phash": phash, "sha256": sha256 or record.image.sha256}
    return record.model_copy(update={"image": record.image.model_copy(update=facts)})


def reviewed(record: ImageRecord, labels: list[str]) -> ImageRecord:
    """The record with a person's labels."""
    at = (record.classified_at or record.received_at) + timedelta(minutes=1)
    return record.model_copy(update={"review": Review(labels=labels, by="someone", at=at)})
