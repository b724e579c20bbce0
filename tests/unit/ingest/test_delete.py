"""DELETE /v1/images/{id}: blob, record and index entry go."""

import asyncio

import pytest

from services.contracts.events import ImageEventData
from services.contracts.names import record_key
from services.contracts.records import Status
from tests.support.pictures import encoded
from tests.support.waiting import until
from tests.unit.ingest.conftest import Open, Stand, assert_problem

JPEG = encoded("JPEG")
UNKNOWN = "0" * 32


async def uploaded(stand: Stand) -> str:
    return str((await stand.upload(JPEG, claim_id="C-1")).json()["id"])


async def test_everything_goes(stand: Stand) -> None:
    identifier = await uploaded(stand)
    response = await stand.client.delete(f"/v1/images/{identifier}")
    assert (response.status_code, response.content) == (204, b"")
    assert stand.is_empty()
    (event,) = stand.events.events
    assert (event.topic, event.type) == ("image-classified", "claimlens.image.deleted")
    assert event.data == ImageEventData(id=identifier)


async def test_repeating_it(stand: Stand) -> None:
    identifier = await uploaded(stand)
    for _ in range(3):
        assert (await stand.client.delete(f"/v1/images/{identifier}")).status_code == 204
    assert len(stand.events.events) == 3, "the first event may have been lost"


async def test_unknown(stand: Stand) -> None:
    assert (await stand.client.delete(f"/v1/images/{UNKNOWN}")).status_code == 204


@pytest.mark.parametrize("identifier", ["short", "g" * 32, "A" * 32, "0" * 33])
async def test_not_an_id(stand: Stand, identifier: str) -> None:
    assert_problem(await stand.client.delete(f"/v1/images/{identifier}"), 400, "bad-request")


async def test_others_stay(stand: Stand) -> None:
    identifier = await uploaded(stand)
    other = (await stand.upload(JPEG, claim_id="C-2")).json()["id"]
    await stand.client.delete(f"/v1/images/{identifier}")
    assert stand.blob_of(other).content == JPEG
    assert len(stand.records) == 1


async def test_only_admins_may(opened: Open) -> None:
    stand = await opened(api_keys="bob:writer:writer-key-of-16-chars,eve:admin:admin-key-of-16-chars")
    path = f"/v1/images/{UNKNOWN}"
    assert_problem(await stand.client.delete(path), 401, "unauthorized")
    stand.client.headers["X-Api-Key"] = "writer-key-of-16-chars"
    assert_problem(await stand.client.delete(path), 403, "forbidden")
    stand.client.headers["X-Api-Key"] = "admin-key-of-16-chars"
    assert (await stand.client.delete(path)).status_code == 204


@pytest.mark.parametrize(
    ("port", "operation"),
    [("records", "get"), ("blobs", "delete"), ("records", "delete"), ("events", "publish")],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_broken_off_and_repeated(stand: Stand, port: str, operation: str, after: bool) -> None:
    identifier = await uploaded(stand)
    getattr(stand, port).faults.fail_nth(1, operation, after=after)
    response = await stand.client.delete(f"/v1/images/{identifier}")
    assert_problem(response, 503, "sidecar-unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert (await stand.client.delete(f"/v1/images/{identifier}")).status_code == 204
    assert stand.is_empty()
    assert stand.events.types[-1] == "claimlens.image.deleted"


async def test_classified_meanwhile(stand: Stand) -> None:
    identifier = await uploaded(stand)
    gate = stand.blobs.faults.hold("delete")
    deletion = asyncio.create_task(stand.client.delete(f"/v1/images/{identifier}"))
    await until(lambda: stand.blobs.faults.count("delete"))
    done = stand.record(identifier).model_copy(update={"status": Status.CLASSIFIED})
    stand.records.seed(record_key(identifier), done)
    gate.set()
    assert (await deletion).status_code == 204
    assert stand.is_empty()


async def test_uploaded_again_meanwhile(stand: Stand) -> None:
    """The upload finds the record without its blob and writes it; the deletion sees that, and takes both."""
    identifier = await uploaded(stand)
    gate = stand.records.faults.hold("delete")
    deletion = asyncio.create_task(stand.client.delete(f"/v1/images/{identifier}"))
    await until(lambda: stand.records.faults.count("delete"))
    assert (await stand.upload(JPEG, claim_id="C-1")).status_code == 202
    assert len(stand.blobs.stored) == 1
    gate.set()
    assert (await deletion).status_code == 204
    assert stand.is_empty()


async def test_uploaded_after(stand: Stand) -> None:
    identifier = await uploaded(stand)
    await stand.client.delete(f"/v1/images/{identifier}")
    again = await stand.upload(JPEG, claim_id="C-1")
    assert again.json()["id"] == identifier
    assert again.json()["already_known"] is False
