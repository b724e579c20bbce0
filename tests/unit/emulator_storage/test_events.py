"""The event, beside the documented sample."""

from emulators.storage.blobs import Blob, BlobWrite
from emulators.storage.events import BlobState, blob_created, event_time

STATE = BlobState(
    "0x8DE29F4A1B2C3D4", "image/jpeg", 183412, "BlockBlob", "7f3b2c10-901e-0042-55d1-3c8a1b000000"
)
WRITE = BlobWrite("PutBlob", Blob("images", "2026/11/cat 01.jpg"))


def test_event_matches_the_sample() -> None:
    event = blob_created(
        WRITE,
        STATE,
        source="/subscriptions/0",
        endpoint="https://imgstore01",
        sequencer=0x51A3C,
        client_request_id="c",
    )
    data = event["data"]
    assert list(event) == ["specversion", "type", "source", "subject", "id", "time", "data"]
    assert list(data) == [
        "api",
        "clientRequestId",
        "requestId",
        "eTag",
        "contentType",
        "contentLength",
        "blobType",
        "url",
        "sequencer",
        "storageDiagnostics",
    ]
    assert event["subject"] == "/blobServices/default/containers/images/blobs/2026/11/cat 01.jpg"
    assert data["url"] == "https://imgstore01/images/2026/11/cat%2001.jpg"
    assert data["sequencer"] == "0000000000000000000000000000000000000000000" + "51a3c"
    assert event["id"].startswith("7f3b2c10-901e-0042-55d1-3c8a1b")
    assert len(event["id"]) == 36


def test_ids_differ_and_the_clients_id_may_be_absent() -> None:
    events = [blob_created(WRITE, STATE, source="s", endpoint="e", sequencer=1) for _ in range(20)]
    assert len({event["id"] for event in events}) == 20
    assert "clientRequestId" not in events[0]["data"]


def test_times_have_seven_digits() -> None:
    assert event_time(1_795_367_112_481_033_799) == "2026-11-22T17:05:12.4810337Z"
    assert event_time(1_795_367_112_000_000_000) == "2026-11-22T17:05:12.0000000Z"
