"""A blob was created: one call, one saved result, one announcement, whatever the order of events."""

import asyncio
from typing import Any

from services.classifier.errors import ImageRejected
from services.classifier.ports import ImageUrl, Picture
from services.contracts.events import ImageEventData
from services.contracts.records import Analysis, Status
from tests.support.waiting import until
from tests.unit.classifier.conftest import BLOB, ETAG, ID, KEY, Driver, World, event, record


async def test_a_picture_is_classified(classifier: Driver, world: World) -> None:
    assert await classifier.deliver() == "SUCCESS"
    saved = world.record
    assert saved.status == Status.CLASSIFIED
    assert saved.image.etag == ETAG
    assert saved.image.sequencer == "01"
    assert saved.analysis is not None
    assert saved.analysis.engine == "fake-vision"
    assert saved.analysis.blob_etag == ETAG
    assert saved.analysis.tags[0].name == "car"
    assert saved.classified_at is not None
    assert [(entry.status, entry.engine, entry.model_version) for entry in saved.history] == [
        ("classified", "fake-vision", "fake-1")
    ]
    assert world.analyzer.seen == [Picture(ImageUrl(f"http://blobs.test/images/{BLOB}"), 120, 90)]
    [announced] = world.publisher.events
    assert (announced.topic, announced.type, announced.subject) == (
        "image-classified",
        "claimlens.image.classified",
        ID,
    )
    assert announced.data == ImageEventData(id=ID, status=Status.CLASSIFIED)


async def test_a_permanent_fault_of_the_picture_is_recorded(classifier: Driver, world: World) -> None:
    world.analyzer.will_raise(ImageRejected("InvalidImageSize", "The image dimension is not allowed."))
    assert await classifier.deliver() == "SUCCESS"
    saved = world.record
    assert saved.status == Status.REJECTED
    assert saved.reason is not None
    assert (saved.reason.code, saved.reason.detail) == (
        "InvalidImageSize",
        "The image dimension is not allowed.",
    )
    assert world.publisher.types == ["claimlens.image.rejected"]
    assert await classifier.deliver() == "SUCCESS"
    assert world.analyzer.calls == 1


async def test_without_a_record_the_event_waits(classifier: Driver, world: World) -> None:
    await world.records.delete(KEY)
    assert await classifier.deliver() == "RETRY"
    assert world.analyzer.calls == 0
    world.records.seed(KEY, record())
    assert await classifier.deliver() == "SUCCESS"


async def test_a_redelivery_calls_nobody_and_announces_again(classifier: Driver, world: World) -> None:
    assert await classifier.deliver() == "SUCCESS"
    before = world.record
    assert await classifier.deliver() == "SUCCESS"
    assert await classifier.deliver(event(id="another-event-of-the-same-upload")) == "SUCCESS"
    assert world.analyzer.calls == 1
    assert world.record == before
    assert world.publisher.types == ["claimlens.image.classified"] * 3


async def test_two_deliveries_at_once_make_one_call(world: World) -> None:
    """On one replica, and on two."""
    gate = world.analyzer.hold_next()
    here, there = world.start(), world.start(instance="another")
    first = asyncio.create_task(here.deliver())
    await until(lambda: world.analyzer.calls == 1)
    assert await here.deliver() == "RETRY"
    assert await there.deliver() == "RETRY"
    gate.set()
    assert await first == "SUCCESS"
    assert await here.deliver() == "SUCCESS"
    assert await there.deliver() == "SUCCESS"
    assert world.analyzer.calls == 1


async def test_many_deliveries_at_once_make_one_call(world: World) -> None:
    replicas = [world.start(instance=f"replica-{n}") for n in range(4)]
    outcomes = await asyncio.gather(*(replica.deliver() for replica in replicas * 5))
    assert "SUCCESS" in outcomes
    assert set(outcomes) <= {"SUCCESS", "RETRY"}
    assert [await replica.deliver() for replica in replicas] == ["SUCCESS"] * 4
    assert world.analyzer.calls == 1


async def test_who_read_the_record_before_the_result_was_saved_finds_the_claim(world: World) -> None:
    create = world.claims.create
    gate = asyncio.Event()
    waiting = asyncio.Event()

    async def slow_create(*args: Any, **options: Any) -> bool:
        waiting.set()
        await gate.wait()
        return await create(*args, **options)

    world.claims.create = slow_create  # type: ignore[method-assign]
    late = asyncio.create_task(world.start(instance="slow").deliver())
    await until(waiting.is_set)
    world.claims.create = create  # type: ignore[method-assign]
    assert await world.start().deliver() == "SUCCESS"
    gate.set()
    assert await late == "RETRY"
    assert world.analyzer.calls == 1


async def test_an_overwritten_blob_is_classified_again(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    assert await classifier.deliver(event("0x8D2", sequencer="02")) == "SUCCESS"
    assert world.analyzer.calls == 2
    assert world.record.image.etag == "0x8D2"
    assert world.record.analysis is not None
    assert world.record.analysis.blob_etag == "0x8D2"
    assert len(world.record.history) == 2


async def test_an_older_event_that_comes_late_changes_nothing(classifier: Driver, world: World) -> None:
    await classifier.deliver(event("0x8D2", sequencer="0" * 20 + "1f"))
    before = world.record
    assert await classifier.deliver(event("0x8D1", sequencer="1E")) == "SUCCESS"
    assert world.analyzer.calls == 1
    assert world.record == before
    assert world.publisher.types == ["claimlens.image.classified"]


async def test_an_older_event_that_is_overtaken_does_not_overwrite(classifier: Driver, world: World) -> None:
    gate = world.analyzer.hold_next()
    old = asyncio.create_task(classifier.deliver(event("0x8D1", sequencer="01")))
    await until(lambda: world.analyzer.calls == 1)
    assert await classifier.deliver(event("0x8D2", sequencer="02")) == "SUCCESS"
    gate.set()
    assert await old == "SUCCESS"
    assert world.record.image.etag == "0x8D2"
    assert len(world.record.history) == 1
    assert world.publisher.types == ["claimlens.image.classified"]


async def test_without_sequencers_the_last_event_wins(classifier: Driver, world: World) -> None:
    await classifier.deliver(event("0x8D1", sequencer=""))
    assert await classifier.deliver(event("0x8D2", sequencer="")) == "SUCCESS"
    assert world.record.image.etag == "0x8D2"


async def test_what_others_write_meanwhile_stays(classifier: Driver, world: World) -> None:
    """A person's review, saved while Vision was looking."""
    gate = world.analyzer.hold_next()
    delivery = asyncio.create_task(classifier.deliver())
    await until(lambda: world.analyzer.calls == 1)
    world.records.seed(KEY, record(metadata={"uploaded_by": "somebody"}))
    gate.set()
    assert await delivery == "SUCCESS"
    assert world.record.metadata == {"uploaded_by": "somebody"}
    assert world.record.status == "classified"


async def test_a_record_that_keeps_changing_is_retried_without_a_second_call(world: World) -> None:
    async def never(key: str, document: object, etag: str) -> bool:
        return False

    driver = world.start()
    replace = world.records.replace
    world.records.replace = never  # type: ignore[method-assign]
    assert await driver.deliver() == "RETRY"
    world.records.replace = replace  # type: ignore[method-assign]
    assert await driver.deliver() == "SUCCESS"
    assert world.analyzer.calls == 1


async def test_a_record_set_back_to_received_is_classified_again(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    saved = world.record
    await world.claims.delete(world.claims.keys()[0])
    world.records.seed(KEY, saved.model_copy(update={"status": Status.RECEIVED}))
    assert await classifier.deliver() == "SUCCESS"
    assert world.analyzer.calls == 2
    assert isinstance(world.record.analysis, Analysis)


async def test_a_picture_deleted_meanwhile_does_not_come_back(classifier: Driver, world: World) -> None:
    gate = world.analyzer.hold_next()
    delivery = asyncio.create_task(classifier.deliver())
    await until(lambda: world.analyzer.calls == 1)
    await world.records.delete(KEY)
    gate.set()
    assert await delivery == "RETRY"
    assert world.records.keys() == []
    assert await classifier.dead() == "SUCCESS"
    assert world.publisher.events == []
