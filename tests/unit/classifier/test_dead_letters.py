"""Events that ran out of deliveries."""

from services.classifier.errors import AnalyzerUnavailable
from services.contracts.records import Status
from tests.unit.classifier.conftest import KEY, Driver, World, event


async def test_a_picture_out_of_deliveries_has_failed(classifier: Driver, world: World) -> None:
    letter = event(deadletterreason="MaxDeliveryAttemptsExceeded", deliveryattempts=10)
    assert await classifier.dead(letter) == "SUCCESS"
    saved = world.record
    assert saved.status == Status.FAILED
    assert saved.reason is not None
    assert saved.reason.code == "DeliveriesExhausted"
    assert "10 tries" in saved.reason.detail
    assert "MaxDeliveryAttemptsExceeded" in saved.reason.detail
    assert world.publisher.types == ["claimlens.image.failed"]
    assert [entry.status for entry in saved.history] == ["failed"]


async def test_a_result_is_not_overwritten_and_is_announced(classifier: Driver, world: World) -> None:
    """The announcement may be what failed ten times."""
    world.publisher.faults.fail_nth(1, "publish")
    assert await classifier.deliver() == "RETRY"
    assert await classifier.dead() == "SUCCESS"
    assert world.record.status == Status.CLASSIFIED
    assert world.publisher.types == ["claimlens.image.classified"]


async def test_a_failed_picture_can_be_replayed(classifier: Driver, world: World) -> None:
    await classifier.dead()
    assert await classifier.deliver() == "SUCCESS"
    assert world.record.status == Status.CLASSIFIED
    assert world.record.reason is None
    assert [entry.status for entry in world.record.history] == ["failed", "classified"]


async def test_the_same_letter_twice_is_one_failure(classifier: Driver, world: World) -> None:
    await classifier.dead()
    assert await classifier.dead() == "SUCCESS"
    assert len(world.record.history) == 1
    assert world.publisher.types == ["claimlens.image.failed"] * 2


async def test_a_letter_about_an_older_version_changes_nothing(classifier: Driver, world: World) -> None:
    await classifier.deliver(event("0x8D2", sequencer="02"))
    assert await classifier.dead(event("0x8D1", sequencer="01")) == "SUCCESS"
    assert world.record.status == Status.CLASSIFIED
    assert world.publisher.types == ["claimlens.image.classified"]


async def test_a_letter_without_a_record_is_put_aside(classifier: Driver, world: World) -> None:
    await world.records.delete(KEY)
    assert await classifier.dead() == "SUCCESS"
    assert world.publisher.events == []


async def test_a_letter_is_retried_while_the_store_is_away(classifier: Driver, world: World) -> None:
    world.records.faults.fail_nth(1, "replace")
    assert await classifier.dead() == "RETRY"
    assert await classifier.dead() == "SUCCESS"
    assert world.record.status == Status.FAILED


async def test_ten_failures_then_the_letter_then_a_replay(classifier: Driver, world: World) -> None:
    world.analyzer.will_raise(*[AnalyzerUnavailable("away")] * 10)
    assert [await classifier.deliver() for _ in range(10)] == ["RETRY"] * 10
    await classifier.dead()
    assert world.record.status == "failed"
    await classifier.deliver()
    assert world.record.status == "classified"
