"""The record, as it is stored and answered."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from services.contracts.records import ImageRecord, Status, Tag, now, rfc3339

STORED = {
    "id": "a" * 32,
    "claim_id": "C-1042",
    "status": "classified",
    "reason": None,
    "image": {
        "blob": "C-1042/a.jpg",
        "etag": "0x8D",
        "content_type": "image/jpeg",
        "size": 104857,
        "sha256": "ab",
        "phash": None,
        "width": 1200,
        "height": 900,
        "taken_at": None,
        "camera": None,
    },
    "metadata": {"uploaded_by": "Ada"},
    "analysis": {
        "engine": "azure-ai-vision",
        "model_version": "2023-10-01",
        "caption": {"text": "a car", "confidence": 0.81},
        "tags": [{"name": "car", "confidence": 0.99}],
        "objects": [{"name": "car", "confidence": 0.9, "box": {"x": 1, "y": 2, "w": 3, "h": 4}}],
        "people": [],
        "text": [{"content": "ABC 123", "polygon": [[0, 0], [1, 0]]}],
        "smart_crops": [],
    },
    "labels": [{"name": "vehicle", "confidence": 0.99, "source": "rule:vehicle"}],
    "review": {"labels": ["vehicle"], "note": None, "by": "ann", "at": "2026-11-22T10:00:00.000Z"},
    "received_at": "2026-11-22T09:59:58.123Z",
    "classified_at": "2026-11-22T10:00:00.000Z",
    "history": [
        {"at": "2026-11-22T09:59:58.123Z", "status": "received", "engine": None, "model_version": None}
    ],
}


def assert_within(part: object, whole: object) -> None:
    """Everything of ``part`` is in ``whole``, which may have more keys."""
    if isinstance(part, dict):
        assert isinstance(whole, dict)
        for key, value in part.items():
            assert_within(value, whole[key])
    elif isinstance(part, list):
        assert isinstance(whole, list)
        assert len(part) == len(whole)
        for one, other in zip(part, whole, strict=True):
            assert_within(one, other)
    else:
        assert part == whole


def test_reads_back_as_it_was_stored() -> None:
    record = ImageRecord.model_validate_json(json.dumps(STORED))
    assert_within(STORED, json.loads(record.model_dump_json()))
    assert ImageRecord.model_validate_json(record.model_dump_json()) == record


def test_what_a_newer_version_wrote_is_kept() -> None:
    newer = {**STORED, "colours": ["blue"], "image": {**STORED["image"], "lens": "50mm"}}  # type: ignore[dict-item]
    again = json.loads(ImageRecord.model_validate(newer).model_dump_json())
    assert again["colours"] == ["blue"]
    assert again["image"]["lens"] == "50mm"


def test_what_an_older_version_did_not_write() -> None:
    needed = ("id", "status", "image", "received_at")
    record = ImageRecord.model_validate({key: STORED[key] for key in needed})
    assert (record.claim_id, record.metadata, record.analysis, record.history) == (None, {}, None, [])


def test_defaults_are_not_shared() -> None:
    needed = {key: STORED[key] for key in ("id", "status", "image", "received_at")}
    ImageRecord.model_validate(needed).metadata["a"] = "b"
    assert ImageRecord.model_validate(needed).metadata == {}


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan")])
def test_confidence_is_0_to_1(confidence: float) -> None:
    with pytest.raises(ValidationError):
        Tag(name="car", confidence=confidence)


def test_status_is_one_of_four() -> None:
    assert {str(status) for status in Status} == {"received", "classified", "rejected", "failed"}
    with pytest.raises(ValidationError):
        ImageRecord.model_validate({**STORED, "status": "lost"})


def test_now_survives_being_stored() -> None:
    moment = now()
    assert moment.tzinfo is UTC
    assert datetime.fromisoformat(rfc3339(moment)) == moment


def test_times_are_utc_and_sort_as_texts() -> None:
    east = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(east) == "2025-12-31T23:30:00.000Z"
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=n * 37) for n in range(100)]
    assert sorted(map(rfc3339, reversed(moments))) == [rfc3339(moment) for moment in moments]
