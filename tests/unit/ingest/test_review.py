"""PUT /v1/images/{id}/review: a person's labels beside the machine's."""

import asyncio
from typing import Any

import httpx
import pytest

from services.contracts.events import ImageEventData
from services.contracts.names import record_key
from services.contracts.records import Label, Status
from tests.support.pictures import encoded
from tests.support.waiting import until
from tests.unit.ingest.conftest import Open, Stand, assert_problem

MACHINE = [Label(name="car", confidence=0.9, source="rule:car")]


async def uploaded(stand: Stand) -> str:
    identifier = str((await stand.upload(encoded("JPEG"), claim_id="C-1")).json()["id"])
    changes = {"status": Status.CLASSIFIED, "labels": MACHINE, "needs_review": True}
    stand.records.seed(record_key(identifier), stand.record(identifier).model_copy(update=changes))
    return identifier


async def put(stand: Stand, identifier: str, labels: Any = (), **more: Any) -> httpx.Response:
    body = {"labels": labels, **more}
    return await stand.client.put(f"/v1/images/{identifier}/review", json=body)


async def test_kept(stand: Stand) -> None:
    identifier = await uploaded(stand)
    response = await put(stand, identifier, [" hail damage ", "Roof"], note="north side\nof the house ")
    assert response.status_code == 200, response.text
    record = stand.record(identifier)
    assert record.review
    assert record.review.labels == ["hail damage", "Roof"]
    assert (record.review.note, record.review.by) == ("north side\nof the house", "anonymous")
    assert response.json() == {"id": identifier, "review": record.review.model_dump(mode="json")}
    assert (record.labels, record.status) == (MACHINE, Status.CLASSIFIED)
    assert record.needs_review is False
    (event,) = stand.events.events
    assert (event.topic, event.type) == ("image-classified", "claimlens.image.reviewed")
    assert event.data == ImageEventData(id=identifier, status=Status.CLASSIFIED)


async def test_earlier_ones_stay_in_the_history(stand: Stand) -> None:
    identifier = await uploaded(stand)
    for labels in (["hail"], ["storm", "hail"], []):
        assert (await put(stand, identifier, labels)).status_code == 200
    record = stand.record(identifier)
    assert record.review
    assert record.review.labels == []
    said = [entry.review.labels for entry in record.history if entry.review]
    assert said == [["hail"], ["storm", "hail"], []]


async def test_the_same_again_is_no_new_one(stand: Stand) -> None:
    identifier = await uploaded(stand)
    first = await put(stand, identifier, ["hail"], note="x")
    again = await put(stand, identifier, ["hail"], note="x")
    assert first.json() == again.json()
    assert len([entry for entry in stand.record(identifier).history if entry.review]) == 1
    assert len(stand.events.events) == 2, "the first event may have been lost"


async def test_by_another_person_the_same_is_a_new_one(opened: Open) -> None:
    stand = await opened(api_keys="ann:writer:anns-key-of-16-chars,bob:writer:bobs-key-of-16-chars")
    stand.client.headers["X-Api-Key"] = "anns-key-of-16-chars"
    identifier = await uploaded(stand)
    for who in ("ann", "bob"):
        stand.client.headers["X-Api-Key"] = f"{who}s-key-of-16-chars"
        assert (await put(stand, identifier, ["hail"])).json()["review"]["by"] == who
    said = [entry.review.by for entry in stand.record(identifier).history if entry.review]
    assert said == ["ann", "bob"]


async def test_a_label_is_kept_once(stand: Stand) -> None:
    identifier = await uploaded(stand)
    response = await put(stand, identifier, ["Hail", "roof", "hail", "HAIL "])
    assert response.json()["review"]["labels"] == ["Hail", "roof"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"labels": null}',
        b'{"labels": "hail"}',
        b'{"labels": [1]}',
        b'{"labels": [""]}',
        b'{"labels": ["  "]}',
        b'{"labels": ["a\\u0000b"]}',
        b'{"labels": ["a\\nb"]}',
        b'{"labels": ["\\ud800"]}',
        b'{"labels": ["' + b"x" * 65 + b'"]}',
        b'{"labels": [' + b",".join(b'"%d"' % n for n in range(33)) + b"]}",
        b'{"labels": [], "note": "' + b"x" * 2001 + b'"}',
        b'{"labels": [], "note": "\\u0000"}',
        b'{"labels": [], "by": "somebody else"}',
        b'{"labels": ["\xff"]}',
        b"[" * 10_000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_bad(stand: Stand, body: bytes) -> None:
    identifier = await uploaded(stand)
    response = await stand.client.put(f"/v1/images/{identifier}/review", content=body)
    assert_problem(response, 400, "bad-request")
    assert stand.record(identifier).review is None
    assert stand.events.events == []


async def test_too_large(stand: Stand) -> None:
    identifier = await uploaded(stand)
    response = await stand.client.put(f"/v1/images/{identifier}/review", content=b" " * 70_000)
    assert_problem(response, 413, "too-large")


async def test_unknown(stand: Stand) -> None:
    assert_problem(await put(stand, "0" * 32, ["hail"]), 404, "not-found")
    assert_problem(await put(stand, "short", ["hail"]), 400, "bad-request")


async def test_who_may(opened: Open) -> None:
    stand = await opened(api_keys="ann:reader:reader-key-of-16-chars")
    assert_problem(await put(stand, "0" * 32), 401, "unauthorized")
    stand.client.headers["X-Api-Key"] = "reader-key-of-16-chars"
    assert_problem(await put(stand, "0" * 32), 403, "forbidden")


@pytest.mark.parametrize(
    ("port", "operation"), [("records", "get"), ("records", "replace"), ("events", "publish")]
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_broken_off_and_repeated(stand: Stand, port: str, operation: str, after: bool) -> None:
    identifier = await uploaded(stand)
    getattr(stand, port).faults.fail_nth(1, operation, after=after)
    assert_problem(await put(stand, identifier, ["hail"]), 503, "sidecar-unavailable")
    assert (await put(stand, identifier, ["hail"])).status_code == 200
    assert len([entry for entry in stand.record(identifier).history if entry.review]) == 1
    assert stand.events.types[-1] == "claimlens.image.reviewed"


async def test_classified_meanwhile(stand: Stand) -> None:
    identifier = await uploaded(stand)
    gate = stand.records.faults.hold("replace")
    reviewing = asyncio.create_task(put(stand, identifier, ["hail"]))
    await until(lambda: stand.records.faults.count("replace"))
    newer = [Label(name="boat", confidence=0.8, source="rule:boat")]
    changed = stand.record(identifier).model_copy(update={"labels": newer})
    stand.records.seed(record_key(identifier), changed)
    gate.set()
    assert (await reviewing).status_code == 200
    record = stand.record(identifier)
    assert record.review
    assert (record.labels, record.review.labels) == (newer, ["hail"])
