"""POST /v1/images/{id}/classification: the request is in the record, then its event is out, then comes the 202."""

import asyncio

import httpx
import pytest

from services.contracts.events import CLASSIFICATION_REQUESTED, ClassificationRequested
from services.contracts.names import record_key
from services.contracts.records import ClassificationRequest, Status, now
from tests.support.pictures import encoded
from tests.support.waiting import until
from tests.unit.ingest.conftest import Open, Stand, assert_problem

JPEG = encoded("JPEG")
UNKNOWN = "0" * 32


async def uploaded(stand: Stand, status: Status = Status.CLASSIFIED) -> str:
    """A picture that has been through the classifier."""
    identifier = str((await stand.upload(JPEG, claim_id="C-1")).json()["id"])
    done = stand.record(identifier).model_copy(update={"status": status})
    stand.records.seed(record_key(identifier), done)
    return identifier


async def ask(stand: Stand, identifier: str) -> httpx.Response:
    return await stand.client.post(f"/v1/images/{identifier}/classification")


def request_of(stand: Stand, identifier: str) -> ClassificationRequest:
    asked = stand.record(identifier).requested_classification
    assert asked is not None
    return asked


def answer(stand: Stand, identifier: str) -> None:
    """What the classifier does in the end."""
    record = stand.record(identifier)
    done = request_of(stand, identifier).model_copy(update={"done_at": now(), "answered": ["test"]})
    stand.records.seed(record_key(identifier), record.model_copy(update={"requested_classification": done}))


@pytest.mark.parametrize("status", list(Status))
async def test_asked(stand: Stand, status: Status) -> None:
    identifier = await uploaded(stand, status)
    response = await ask(stand, identifier)
    assert response.status_code == 202, response.text
    asked = request_of(stand, identifier)
    body = response.json()
    assert (body["id"], body["status"], body["request"]) == (identifier, status, asked.id)
    assert body["requested_by"] == asked.by == "anonymous"
    assert response.headers["Location"] == f"http://127.0.0.1:8003/v1/images/{identifier}"
    record = stand.record(identifier)
    assert record.status is status, "until the answer is there it stays what it was"
    (event,) = stand.events.events
    assert (event.topic, event.type, event.subject) == ("blob-created", CLASSIFICATION_REQUESTED, identifier)
    etag = await stand.blobs.etag(record.image.blob)
    assert etag
    assert event.data == ClassificationRequested(
        id=identifier, blob=record.image.blob, etag=etag, request=asked.id
    )


async def test_unknown(stand: Stand) -> None:
    assert_problem(await ask(stand, UNKNOWN), 404, "not-found")
    assert_problem(await ask(stand, "not-an-id"), 400, "bad-request")
    assert stand.events.events == []


async def test_blob_gone(stand: Stand) -> None:
    identifier = await uploaded(stand)
    stand.blobs.stored.clear()
    body = assert_problem(await ask(stand, identifier), 409, "blob-gone")
    assert "upload" in body["detail"]
    assert stand.record(identifier).requested_classification is None
    assert stand.events.events == []


async def test_while_one_waits_another_joins_it(stand: Stand) -> None:
    identifier = await uploaded(stand)
    ids = {(await ask(stand, identifier)).json()["request"] for _ in range(3)}
    assert len(ids) == 1
    assert len(stand.events.events) == 3, "the first event may have been lost"


async def test_at_once(stand: Stand) -> None:
    identifier = await uploaded(stand)
    answers = await asyncio.gather(*(ask(stand, identifier) for _ in range(5)))
    assert {each.status_code for each in answers} <= {202, 503}
    assert {each.json()["request"] for each in answers if each.status_code == 202} == {
        request_of(stand, identifier).id
    }


async def test_once_answered_the_next_is_a_new_one(stand: Stand) -> None:
    identifier = await uploaded(stand)
    first = (await ask(stand, identifier)).json()["request"]
    answer(stand, identifier)
    second = (await ask(stand, identifier)).json()["request"]
    assert first != second
    assert request_of(stand, identifier).answered == []


@pytest.mark.parametrize(
    ("port", "operation"),
    [("records", "get"), ("blobs", "etag"), ("records", "replace"), ("events", "publish")],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_broken_off_and_repeated(stand: Stand, port: str, operation: str, after: bool) -> None:
    identifier = await uploaded(stand)
    getattr(stand, port).faults.fail_nth(1, operation, after=after)
    response = await ask(stand, identifier)
    assert_problem(response, 503, "sidecar-unavailable")
    assert int(response.headers["Retry-After"]) > 0
    again = await ask(stand, identifier)
    assert again.status_code == 202
    assert {event.data.request for event in stand.events.events} == {again.json()["request"]}  # type: ignore[attr-defined]


async def test_classified_meanwhile(stand: Stand) -> None:
    identifier = await uploaded(stand, Status.RECEIVED)
    gate = stand.records.faults.hold("replace")
    asking = asyncio.create_task(ask(stand, identifier))
    await until(lambda: stand.records.faults.count("replace"))
    done = stand.record(identifier).model_copy(update={"status": Status.CLASSIFIED})
    stand.records.seed(record_key(identifier), done)
    gate.set()
    assert (await asking).status_code == 202
    assert stand.record(identifier).status is Status.CLASSIFIED
    assert stand.record(identifier).requested_classification


async def test_deleted_meanwhile(stand: Stand) -> None:
    identifier = await uploaded(stand)
    gate = stand.records.faults.hold("replace")
    asking = asyncio.create_task(ask(stand, identifier))
    await until(lambda: stand.records.faults.count("replace"))
    await stand.records.delete(record_key(identifier))
    gate.set()
    assert_problem(await asking, 404, "not-found")
    assert stand.records.keys() == []
    assert stand.events.events == []


async def test_who_may(opened: Open) -> None:
    stand = await opened(api_keys="ann:reader:reader-key-of-16-chars,bob:writer:writer-key-of-16-chars")
    assert_problem(await ask(stand, UNKNOWN), 401, "unauthorized")
    stand.client.headers["X-Api-Key"] = "reader-key-of-16-chars"
    assert_problem(await ask(stand, UNKNOWN), 403, "forbidden")
    stand.client.headers["X-Api-Key"] = "writer-key-of-16-chars"
    identifier = await uploaded(stand)
    assert (await ask(stand, identifier)).status_code == 202
    assert request_of(stand, identifier).by == "bob"


async def test_it_counts_as_an_upload_does(opened: Open) -> None:
    stand = await opened(upload_rate_per_s=0.1, upload_burst=2)
    identifier = await uploaded(stand)
    assert (await ask(stand, identifier)).status_code == 202
    assert_problem(await ask(stand, identifier), 429, "rate-limited")
