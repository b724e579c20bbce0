"""A picture is to be classified again: once for each request, and what was said before is kept."""

import asyncio
from typing import Any

import pytest

from services.classifier.errors import AnalyzerUnavailable, ImageRejected
from services.contracts.events import CLASSIFICATION_REQUESTED
from services.contracts.records import (
    SUPERSEDED_KEPT,
    Analysis,
    ClassificationRequest,
    ImageRecord,
    Reason,
    Status,
    now,
)
from tests.support.fakes.vision import FakeAnalyzer
from tests.support.waiting import until
from tests.unit.classifier.conftest import BLOB, ETAG, ID, KEY, Driver, World, event, record


def request_event(request: str, *, etag: str = ETAG, **changes: Any) -> dict[str, Any]:
    """As ingest publishes it."""
    return {
        "specversion": "1.0",
        "type": CLASSIFICATION_REQUESTED,
        "source": "/claimlens/ingest",
        "subject": ID,
        "id": f"event-of-{request}",
        "data": {"id": ID, "blob": BLOB, "etag": etag, "request": request},
        **changes,
    }


def ask(world: World, request: str = "r1", **changes: Any) -> ImageRecord:
    """Mark the record as ingest does; gives it."""
    asked = ClassificationRequest(id=request, at=now(), by="ann")
    marked = world.record.model_copy(update={"requested_classification": asked, **changes})
    world.records.seed(KEY, marked)
    return marked


def states(world: World) -> list[tuple[str, str | None, str | None]]:
    return [(entry.status, entry.engine, entry.request) for entry in world.record.history]


async def test_the_engine_looks_again_once(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    first = world.record.analysis
    assert first
    ask(world)
    world.analyzer.version = "fake-2"
    for _ in range(3):
        assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 2
    saved = world.record
    assert saved.status is Status.CLASSIFIED
    assert saved.analysis
    assert saved.analysis.model_version == "fake-2"
    assert [each.model_version for each in saved.superseded] == ["fake-1"]
    kept = Analysis.model_validate(saved.superseded[0].model_dump(exclude={"superseded_at"}))
    assert kept == first
    assert states(world) == [("classified", "fake-vision", None), ("classified", "fake-vision", "r1")]
    asked = saved.requested_classification
    assert asked
    assert (asked.answered, asked.done_at is not None, asked.reason) == (["fake-vision"], True, None)
    assert world.publisher.types == ["claimlens.image.classified"] * 4


async def test_each_request_is_answered_once(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    for request in ("r1", "r2"):
        ask(world, request)
        assert await classifier.deliver(request_event(request)) == "SUCCESS"
    # Late, and of a request that is history.
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 3


async def test_storages_event_that_comes_again_answers_it(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    ask(world)
    assert await classifier.deliver() == "SUCCESS"
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 2


async def test_deliveries_at_once_make_one_call(world: World) -> None:
    await world.start().deliver()
    ask(world)
    replicas = [world.start(instance=f"replica-{n}") for n in range(4)]
    outcomes = await asyncio.gather(*(replica.deliver(request_event("r1")) for replica in replicas * 3))
    assert "SUCCESS" in outcomes
    assert [await replica.deliver(request_event("r1")) for replica in replicas] == ["SUCCESS"] * 4
    assert world.analyzer.calls == 2


async def test_saved_but_not_announced(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    ask(world)
    world.publisher.faults.fail_nth(1, "publish")
    assert await classifier.deliver(request_event("r1")) == "RETRY"
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 2
    assert world.publisher.types == ["claimlens.image.classified"] * 2


async def test_asked_while_the_first_call_is_under_way(classifier: Driver, world: World) -> None:
    """The call was begun before anybody asked: it does not count as the answer."""
    gate = world.analyzer.hold_next()
    first = asyncio.create_task(classifier.deliver())
    await until(lambda: world.analyzer.calls == 1)
    ask(world)
    gate.set()
    assert await first == "SUCCESS"
    assert world.record.status is Status.CLASSIFIED
    assert world.record.requested_classification
    assert world.record.requested_classification.done_at is None
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 2
    assert states(world) == [("classified", "fake-vision", None), ("classified", "fake-vision", "r1")]


async def test_what_was_said_before_anybody_asked_is_no_answer(classifier: Driver, world: World) -> None:
    """The first result could not be saved, and is kept for the next delivery."""
    world.records.faults.fail_nth(1, "replace")
    assert await classifier.deliver() == "RETRY"
    ask(world)
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 2


async def test_asked_before_the_first_event(classifier: Driver, world: World) -> None:
    """One look is enough for both."""
    ask(world)
    assert await classifier.deliver() == "SUCCESS"
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.analyzer.calls == 1


async def test_the_event_of_the_upload_was_lost(classifier: Driver, world: World) -> None:
    ask(world)
    assert await classifier.deliver(request_event("r1", etag="0x8D9")) == "SUCCESS"
    assert world.record.status is Status.CLASSIFIED
    assert world.record.image.etag == "0x8D9"


async def test_the_version_is_the_one_that_the_record_knows(classifier: Driver, world: World) -> None:
    await classifier.deliver(event("0x8D2", sequencer="02"))
    ask(world)
    assert await classifier.deliver(request_event("r1", etag="0x8D1")) == "SUCCESS"
    assert (world.record.image.etag, world.record.image.sequencer) == ("0x8D2", "02")
    assert await classifier.deliver(event("0x8D2", sequencer="02")) == "SUCCESS"
    assert world.analyzer.calls == 2


@pytest.mark.parametrize("status", [Status.FAILED, Status.REJECTED])
async def test_a_picture_without_a_result(classifier: Driver, world: World, status: Status) -> None:
    await classifier.deliver()
    image = world.record.image
    reason = Reason(code="Trouble", detail="there was")
    world.records.seed(KEY, record(image=image, status=status, reason=reason))
    ask(world)
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.record.status is Status.CLASSIFIED
    assert world.record.reason is None


async def test_rejected_this_time(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    ask(world)
    world.analyzer.will_raise(ImageRejected("InvalidImageSize", "too small"))
    for _ in range(2):
        assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    saved = world.record
    assert (saved.status, saved.analysis) == (Status.REJECTED, None)
    assert [each.model_version for each in saved.superseded] == ["fake-1"]
    assert world.analyzer.calls == 2
    ask(world, "r2")
    assert await classifier.deliver(request_event("r2")) == "SUCCESS"
    assert world.record.status is Status.CLASSIFIED


async def test_while_it_waits_the_record_is_as_it_was(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    before = ask(world)
    world.analyzer.will_raise(AnalyzerUnavailable("away"))
    assert await classifier.deliver(request_event("r1")) == "RETRY"
    assert world.record == before


async def test_deliveries_used_up_leave_the_result(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    before = ask(world)
    assert await classifier.dead(request_event("r1", deliveryattempts="10")) == "SUCCESS"
    saved = world.record
    assert (saved.status, saved.reason, saved.analysis) == ("classified", None, before.analysis)
    asked = saved.requested_classification
    assert asked
    assert asked.reason
    assert "10 tries" in asked.reason.detail
    assert states(world)[-1] == ("failed", None, "r1")
    assert world.publisher.types[-1] == "claimlens.image.classified"
    # Closed: neither event asks for anything any more, a new request does.
    assert await classifier.deliver() == "SUCCESS"
    assert await classifier.dead(request_event("r1")) == "SUCCESS"
    assert world.record == saved
    assert world.analyzer.calls == 1
    ask(world, "r2")
    assert await classifier.deliver(request_event("r2")) == "SUCCESS"
    assert world.analyzer.calls == 2


async def test_deliveries_used_up_without_a_result(classifier: Driver, world: World) -> None:
    ask(world)
    assert await classifier.dead(request_event("r1")) == "SUCCESS"
    assert world.record.status is Status.FAILED
    assert world.publisher.types == ["claimlens.image.failed"]


async def test_a_dead_letter_of_another_request(classifier: Driver, world: World) -> None:
    """Of one that was answered, and of one before the picture was deleted and sent again."""
    await classifier.deliver()
    ask(world)
    await classifier.deliver(request_event("r1"))
    before = ask(world, "r2")
    assert await classifier.dead(request_event("r1")) == "SUCCESS"
    assert world.record == before
    world.records.seed(KEY, record())
    assert await classifier.dead(request_event("r1")) == "SUCCESS"
    assert world.record.status is Status.RECEIVED


async def test_a_dead_letter_of_another_request_closes_nothing(classifier: Driver, world: World) -> None:
    ask(world)
    await classifier.dead(request_event("r1"))
    before = ask(world, "r2")
    assert before.status is Status.FAILED
    assert await classifier.dead(request_event("r1")) == "SUCCESS"
    assert world.record == before


async def test_storages_dead_letter_does_not_close_the_request(classifier: Driver, world: World) -> None:
    ask(world)
    assert await classifier.dead() == "SUCCESS"
    assert world.record.status is Status.FAILED
    assert await classifier.deliver(request_event("r1")) == "SUCCESS"
    assert world.record.status is Status.CLASSIFIED


async def test_only_so_many_are_kept(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    for number in range(1, SUPERSEDED_KEPT + 3):
        world.analyzer.version = f"v{number}"
        ask(world, f"r{number}")
        assert await classifier.deliver(request_event(f"r{number}")) == "SUCCESS"
    kept = [each.model_version for each in world.record.superseded]
    assert kept == [f"v{number}" for number in range(2, SUPERSEDED_KEPT + 2)]
    assert len(world.record.history) == SUPERSEDED_KEPT + 3


async def test_the_same_answer_supersedes_nothing(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    ask(world)
    await classifier.deliver(request_event("r1"))
    assert world.record.superseded == []
    assert len(world.record.history) == 2


async def test_several_engines(world: World) -> None:
    """One of them is away for a while: the other is not asked twice for the same request."""
    other = FakeAnalyzer("other")
    world.others = (other,)
    driver = world.start()
    assert await driver.deliver() == "SUCCESS"
    ask(world)
    world.analyzer.version = other.version = "fake-2"
    other.will_raise(AnalyzerUnavailable("away"))
    assert await driver.deliver(request_event("r1")) == "RETRY"
    assert world.record.requested_classification
    assert world.record.requested_classification.done_at
    assert await driver.deliver(request_event("r1")) == "SUCCESS"
    assert await driver.deliver(request_event("r1")) == "SUCCESS"
    assert (world.analyzer.calls, other.calls) == (2, 3)
    saved = world.record
    assert {name: said.model_version for name, said in saved.analyses.items()} == {
        "fake-vision": "fake-2",
        "other": "fake-2",
    }
    assert [(each.engine, each.model_version) for each in saved.superseded] == [
        ("fake-vision", "fake-1"),
        ("other", "fake-1"),
    ]


async def test_a_new_version_of_the_blob_after_the_answer(world: World) -> None:
    """What was answered of the version before does not count, not even that it was rejected."""
    other = FakeAnalyzer("other")
    world.others = (other,)
    driver = world.start()
    assert await driver.deliver() == "SUCCESS"
    ask(world)
    world.analyzer.will_raise(ImageRejected("InvalidImageSize", "too small"), AnalyzerUnavailable("away"))
    assert await driver.deliver(request_event("r1")) == "SUCCESS"
    assert world.record.status is Status.REJECTED
    newer = event("0x8D2", sequencer="02")
    assert await driver.deliver(newer) == "RETRY"
    assert await driver.deliver(newer) == "SUCCESS"
    assert world.record.status is Status.CLASSIFIED
    assert (world.analyzer.calls, other.calls) == (4, 3)


@pytest.mark.parametrize("data", [None, {}, {"id": ID, "blob": BLOB, "etag": ETAG}, "text"])
async def test_a_request_that_is_none(classifier: Driver, world: World, data: object) -> None:
    assert await classifier.deliver(request_event("r1", data=data)) == "DROP"


async def test_a_request_for_a_picture_that_is_gone(classifier: Driver, world: World) -> None:
    await world.records.delete(KEY)
    assert await classifier.deliver(request_event("r1")) == "RETRY"
    assert await classifier.dead(request_event("r1")) == "SUCCESS"
    assert world.publisher.events == []
