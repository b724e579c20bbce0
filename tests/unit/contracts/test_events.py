"""CloudEvents that the services read."""

import json
from typing import Any

import pytest

from services.contracts.events import (
    BlobCreated,
    ImageEventType,
    NotOurs,
    UnknownType,
    blob_created,
    image_event_data,
    parse_event,
)
from services.contracts.records import Status

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "type": "Microsoft.Storage.BlobCreated",
    "source": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acc",
    "subject": "/blobServices/default/containers/images/blobs/C-1/a.jpg",
    "id": "e-1",
    "time": "2026-11-22T17:05:12.4810337Z",
    "data": {
        "api": "PutBlob",
        "eTag": '"0x8D1"',
        "contentType": "image/jpeg",
        "contentLength": 1000,
        "sequencer": "0001",
    },
}


def event(**changes: Any) -> bytes:
    whole = {**EVENT, **changes}
    return json.dumps({key: value for key, value in whole.items() if value is not ...}).encode()


def data(**changes: Any) -> bytes:
    return event(data={key: value for key, value in {**EVENT["data"], **changes}.items() if value is not ...})


def read(body: bytes) -> BlobCreated:
    return blob_created(parse_event(body))


def test_blob_created() -> None:
    assert read(event()) == BlobCreated(
        container="images",
        blob="C-1/a.jpg",
        etag="0x8D1",
        content_type="image/jpeg",
        content_length=1000,
        api="PutBlob",
        sequencer="0001",
        event_id="e-1",
    )


def test_array_of_one() -> None:
    assert read(b"[" + event() + b"]") == read(event())


def test_etag_without_quotes_is_the_same() -> None:
    assert read(data(eTag="0x8D1")).etag == read(data(eTag='"0x8D1"')).etag


def test_subject_is_decoded_and_may_lack_the_slash() -> None:
    subject = "blobServices/default/containers/images/blobs/C-1/a%20b%2Bc/d.jpg"
    assert read(event(subject=subject)).blob == "C-1/a b+c/d.jpg"


def test_optional_parts() -> None:
    created = read(data(contentType=..., contentLength="?", sequencer=...))
    assert (created.content_type, created.content_length, created.sequencer) == ("", 0, "")


def test_unknown_attributes_do_not_matter() -> None:
    assert read(event(deliverycount=3, traceparent="00-a-b-01", time="not a time", extra=None)).blob


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'"text"',
        b"[" + event() + b"," + event() + b"]",
        event(source=...),
        event(type=...),
        event(specversion="0.3"),
        event(type="Microsoft.Storage.BlobDeleted"),
        event(data=...),
        event(data="text"),
        event(subject=...),
        event(subject="/blobServices/default/containers/images"),
        event(subject="/blobServices/default/containers/images/blobs/"),
        data(eTag=...),
        data(eTag='""'),
        data(api="CreateFile"),
        data(api="SftpCreate"),
    ],
)
def test_not_ours(body: bytes) -> None:
    with pytest.raises(NotOurs):
        read(body)


def test_image_events() -> None:
    body = event(type="claimlens.image.classified", data={"id": "a", "status": "classified", "more": 1})
    parsed = image_event_data(parse_event(body))
    assert (parsed.id, parsed.status) == ("a", Status.CLASSIFIED)
    deleted = event(type="claimlens.image.deleted", data={"id": "a"})
    assert image_event_data(parse_event(deleted)).status is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"type": "claimlens.image.classified", "data": {"status": "classified"}},
        {"type": "claimlens.image.classified", "data": {"id": "a", "status": "lost"}},
    ],
)
def test_not_an_image_event(changes: dict[str, Any]) -> None:
    with pytest.raises(NotOurs):
        image_event_data(parse_event(event(**changes)))


def test_a_type_of_ours_that_is_not_known_yet() -> None:
    later = parse_event(event(type="claimlens.image.archived", data={"id": "a"}))
    with pytest.raises(UnknownType, match="archived"):
        image_event_data(later)
    with pytest.raises(UnknownType):
        blob_created(later)


def test_type_that_announces_a_status() -> None:
    assert ImageEventType.of(Status.CLASSIFIED) == "claimlens.image.classified"
    assert ImageEventType.of(Status.FAILED) == "claimlens.image.failed"
    with pytest.raises(KeyError):
        ImageEventType.of(Status.RECEIVED)
