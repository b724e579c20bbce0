"""Storage or state away, answers lost, uploads of one picture at once: see services/ingest/keeping.py."""

import asyncio

import httpx
import pytest

from services.contracts.names import record_key
from services.contracts.records import ImageRecord, Status
from tests.support.pictures import encoded
from tests.support.waiting import until
from tests.unit.ingest.conftest import Open, Stand, assert_problem

JPEG = encoded("JPEG")


def assert_refused(response: httpx.Response) -> None:
    assert_problem(response, 503, "sidecar-unavailable")
    assert int(response.headers["Retry-After"]) > 0


async def accepted(response: httpx.Response, *, already_known: bool) -> str:
    assert response.status_code == 202, response.text
    assert response.json()["already_known"] is already_known
    return str(response.json()["id"])


async def test_both_away(stand: Stand) -> None:
    stand.records.faults.down = stand.blobs.faults.down = True
    assert_refused(await stand.upload(JPEG))
    assert stand.is_empty()


async def test_state_away(stand: Stand) -> None:
    stand.records.faults.down = True
    assert_refused(await stand.upload(JPEG))
    assert stand.is_empty()
    assert not stand.blobs.faults.calls, "no blob without a record"


async def test_storage_away(stand: Stand) -> None:
    stand.blobs.faults.down = True
    assert_refused(await stand.upload(JPEG))
    assert stand.is_empty()


async def test_storage_comes_back(stand: Stand) -> None:
    stand.blobs.faults.fail_nth(1, "put")
    assert_refused(await stand.upload(JPEG))
    assert stand.is_empty()
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    assert stand.blob_of(identifier).content == JPEG


async def test_answer_of_the_record_lost(stand: Stand) -> None:
    stand.records.faults.fail_nth(1, "create", after=True)
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    assert stand.blob_of(identifier).content == JPEG


async def test_answer_of_the_blob_lost(stand: Stand) -> None:
    stand.blobs.faults.fail_nth(1, "put", after=True)
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    assert stand.blob_of(identifier).content == JPEG
    assert stand.record(identifier).status is Status.RECEIVED


async def test_blob_appears_only_after_it_was_looked_for(stand: Stand) -> None:
    """The write was late: the record is already removed, and put back."""
    stand.blobs.faults.fail_nth(1, "put", after=True)
    stand.blobs.faults.fail_nth(1, "exists")
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    assert stand.records.faults.count("delete") == 1
    assert stand.blob_of(identifier).content == JPEG


async def test_both_away_between_record_and_blob_is_healed_by_the_retry(stand: Stand) -> None:
    stand.blobs.faults.fail_nth(1, "put")
    stand.records.faults.fail_nth(1, "get")
    assert_refused(await stand.upload(JPEG))
    assert len(stand.records) == 1
    assert not stand.blobs.stored

    identifier = await accepted(await stand.upload(JPEG), already_known=True)
    assert stand.blob_of(identifier).content == JPEG


async def test_ingest_died_before_the_blob(stand: Stand) -> None:
    identifier = await accepted(await stand.upload(JPEG, claim_id="C-1"), already_known=False)
    stand.blobs.stored.clear()
    await accepted(await stand.upload(JPEG, claim_id="C-1"), already_known=True)
    assert stand.blob_of(identifier).content == JPEG
    assert stand.blobs.faults.count("put") == 2


async def test_healing_fails_too(stand: Stand) -> None:
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    stand.blobs.stored.clear()
    stand.blobs.faults.fail_nth(1, "put")
    assert_refused(await stand.upload(JPEG))
    assert stand.record(identifier), "it was there before this upload came"
    await accepted(await stand.upload(JPEG), already_known=True)
    assert stand.blob_of(identifier).content == JPEG


async def test_healing_whose_answer_is_lost(stand: Stand) -> None:
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    stand.blobs.stored.clear()
    stand.blobs.faults.fail_nth(1, "put", after=True)
    await accepted(await stand.upload(JPEG), already_known=True)
    assert stand.blob_of(identifier).content == JPEG


@pytest.mark.parametrize("status", [Status.CLASSIFIED, Status.REJECTED, Status.FAILED])
async def test_nothing_is_written_once_it_was_looked_at(stand: Stand, status: Status) -> None:
    identifier = await accepted(await stand.upload(JPEG), already_known=False)
    done = stand.record(identifier).model_copy(update={"status": status})
    stand.records.seed(record_key(identifier), done)
    stand.blobs.stored.clear()

    response = await stand.upload(JPEG, metadata='{"second": "time"}')
    await accepted(response, already_known=True)
    assert response.json()["status"] == status
    assert stand.record(identifier) == done
    assert not stand.blobs.stored


async def test_same_bytes_in_two_claims_are_two_pictures(stand: Stand) -> None:
    one = await accepted(await stand.upload(JPEG, claim_id="C-1"), already_known=False)
    two = await accepted(await stand.upload(JPEG, claim_id="C-2"), already_known=False)
    assert one != two
    assert len(stand.blobs.stored) == 2


async def test_record_is_there_before_the_blob(stand: Stand) -> None:
    gate = stand.blobs.faults.hold("put")
    upload = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("put"))
    assert len(stand.records) == 1
    gate.set()
    await accepted(await upload, already_known=False)


async def test_second_upload_waits_for_the_first(opened: Open) -> None:
    stand = await opened(first_uploader_wait_s=10)
    gate = stand.blobs.faults.hold("put")
    first = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("put"))
    second = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("exists"))
    gate.set()
    await accepted(await first, already_known=False)
    await accepted(await second, already_known=True)
    assert stand.blobs.faults.count("put") == 1


async def test_first_fails_while_the_second_waits(opened: Open) -> None:
    """The record goes away under the second, which then is the first."""
    stand = await opened(first_uploader_wait_s=10)
    gate = stand.blobs.faults.hold("put")
    stand.blobs.faults.fail_nth(1, "put")
    first = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("put"))
    second = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("exists"))
    gate.set()
    assert_refused(await first)
    identifier = await accepted(await second, already_known=False)
    assert stand.blob_of(identifier).content == JPEG


async def test_first_fails_after_the_second_took_over(opened: Open) -> None:
    """The first may not take back a record that the second was accepted on."""
    stand = await opened(first_uploader_wait_s=0)
    gate = stand.blobs.faults.hold("put")
    stand.blobs.faults.fail_nth(1, "put")
    first = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("put") == 1)
    second = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("put") == 2)
    stand.blobs.faults.fail_nth(1, "exists")  # so that the first does not see the second's blob
    gate.set()
    assert_refused(await first)
    identifier = await accepted(await second, already_known=True)
    assert stand.record(identifier).status is Status.RECEIVED
    assert stand.blob_of(identifier).content == JPEG


async def test_taken_over_while_the_first_takes_its_record_back(stand: Stand) -> None:
    gate = stand.records.faults.hold("delete")
    stand.blobs.faults.fail_nth(1, "put")
    first = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.records.faults.count("delete"))
    (key,) = stand.records.keys()
    stand.records.seed(key, stand.records.peek(key))  # another ETag
    gate.set()
    assert_refused(await first)
    assert stand.records.keys() == [key]


async def test_classified_meanwhile_is_not_taken_back(stand: Stand) -> None:
    """Put failed by its answer, yet the picture was stored, found and classified, and storage then went away."""
    gate = stand.blobs.faults.hold("put")
    stand.blobs.faults.fail_nth(1, "put", after=True)
    stand.blobs.faults.fail_nth(1, "exists")
    upload = asyncio.create_task(stand.upload(JPEG))
    await until(lambda: stand.blobs.faults.count("put"))
    (key,) = stand.records.keys()
    record: ImageRecord = stand.records.peek(key)
    entry = record.history[0].model_copy(update={"upload": None, "status": Status.CLASSIFIED})
    changes = {"status": Status.CLASSIFIED, "history": [*record.history, entry]}
    stand.records.seed(key, record.model_copy(update=changes))
    gate.set()
    assert_refused(await upload)
    assert stand.records.peek(key).status is Status.CLASSIFIED


async def test_many_uploads_of_one_picture_at_once(stand: Stand) -> None:
    responses = await asyncio.gather(*(stand.upload(JPEG) for _ in range(20)))
    assert {response.status_code for response in responses} == {202}
    assert sum(not response.json()["already_known"] for response in responses) == 1
    assert stand.blobs.faults.count("put") == 1
    assert len(stand.records) == len(stand.blobs.stored) == 1


@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("port", ["records", "blobs"])
async def test_whatever_call_fails(stand: Stand, port: str, nth: int, after: bool) -> None:
    """Two uploads of a picture, then a retry by whoever was refused: accepted means both parts are there."""
    getattr(stand, port).faults.fail_nth(nth, after=after)
    responses = await asyncio.gather(stand.upload(JPEG), stand.upload(JPEG))
    if any(response.status_code == 202 for response in responses):
        assert len(stand.records) == len(stand.blobs.stored) == 1
    else:
        assert stand.is_empty()
    getattr(stand, port).faults.heal()
    identifier = (await stand.upload(JPEG)).json()["id"]
    assert stand.blob_of(identifier).content == JPEG
