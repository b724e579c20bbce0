"""A picture given to more than one engine: each is asked once, and none waits for another's trouble."""

import pytest

from services.classifier.errors import AnalyzerUnavailable, ImageRejected
from services.contracts.records import Status
from tests.support.fakes.vision import FakeAnalyzer
from tests.unit.classifier.conftest import ETAG, KEY, Driver, World, event


@pytest.fixture
def damage(world: World) -> FakeAnalyzer:
    damage = FakeAnalyzer("damage")
    world.others = (damage,)
    return damage


@pytest.fixture
def both(damage: FakeAnalyzer, world: World) -> Driver:
    return world.start()


async def test_the_record_keeps_each_result_under_its_engine(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    assert await both.deliver() == "SUCCESS"
    saved = world.record
    assert saved.analysis is not None
    assert saved.analysis.engine == "fake-vision"
    assert {name: analysis.engine for name, analysis in saved.analyses.items()} == {
        "fake-vision": "fake-vision",
        "damage": "damage",
    }
    assert all(analysis.blob_etag == ETAG for analysis in saved.analyses.values())
    assert [(entry.status, entry.engine) for entry in saved.history] == [
        ("classified", "fake-vision"),
        ("classified", "damage"),
    ]
    assert world.publisher.types == ["claimlens.image.classified"]
    assert await both.deliver() == "SUCCESS"
    assert (world.analyzer.calls, damage.calls) == (1, 1)
    assert world.link.faults.count("of") == 1


async def test_one_engine_keeps_no_copies(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    assert world.record.analyses == {}


async def test_another_engines_trouble_does_not_hold_up_the_primary(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    damage.will_raise(AnalyzerUnavailable("away"), AnalyzerUnavailable("away"))
    assert await both.deliver() == "RETRY"
    assert world.record.status == "classified"
    assert world.publisher.types == ["claimlens.image.classified"]
    assert await both.deliver() == "RETRY"
    assert await both.deliver() == "SUCCESS"
    assert set(world.record.analyses) == {"fake-vision", "damage"}
    assert (world.analyzer.calls, damage.calls) == (1, 3)


async def test_the_primarys_trouble_does_not_lose_the_others_word(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    world.analyzer.will_raise(AnalyzerUnavailable("away"))
    assert await both.deliver() == "RETRY"
    assert world.record.status == "received"
    assert set(world.record.analyses) == {"damage"}
    assert world.publisher.events == []
    again = world.start()
    assert await again.deliver() == "SUCCESS"
    assert world.record.status == "classified"
    assert (world.analyzer.calls, damage.calls) == (2, 1)


async def test_a_picture_that_another_engine_cannot_take_is_still_classified(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    damage.will_raise(ImageRejected("BadRequestImageSizeBytes", "over 4 MB"))
    assert await both.deliver() == "SUCCESS"
    assert await both.deliver() == "SUCCESS"
    saved = world.record
    assert saved.status == Status.CLASSIFIED
    assert saved.refusals["damage"].code == "BadRequestImageSizeBytes"
    assert damage.calls == 1


async def test_the_primarys_rejection_is_the_end(both: Driver, world: World, damage: FakeAnalyzer) -> None:
    world.analyzer.will_raise(ImageRejected("InvalidImageSize", "small"))
    damage.will_raise(AnalyzerUnavailable("away"))
    assert await both.deliver() == "SUCCESS"
    assert world.record.status == "rejected"
    assert await both.deliver() == "SUCCESS"
    assert (world.analyzer.calls, damage.calls) == (1, 1)


async def test_deliveries_exhausted_by_another_engine_leave_the_result(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    damage.faults.down = True
    assert [await both.deliver() for _ in range(3)] == ["RETRY"] * 3
    assert await both.dead() == "SUCCESS"
    assert world.record.status == "classified"
    assert world.analyzer.calls == 1


async def test_lost_saves_cost_no_further_call(both: Driver, world: World, damage: FakeAnalyzer) -> None:
    world.records.faults.fail_nth(1, "replace")
    assert await both.deliver() == "RETRY"
    assert await both.deliver() == "SUCCESS"
    assert (world.analyzer.calls, damage.calls) == (1, 1)


async def test_a_replica_that_read_before_a_partial_save_asks_only_for_the_rest(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    """It reads the record again once it has the claim."""
    damage.will_raise(AnalyzerUnavailable("away"))
    late = world.start(instance="late")
    create = world.claims.create

    async def create_after_the_other(*args: object, **options: object) -> bool:
        world.claims.create = create  # type: ignore[method-assign]
        assert await both.deliver() == "RETRY"
        return await create(*args, **options)  # type: ignore[arg-type]

    world.claims.create = create_after_the_other  # type: ignore[method-assign]
    assert await late.deliver() == "SUCCESS"
    assert (world.analyzer.calls, damage.calls) == (1, 2)


async def test_an_engine_added_later_looks_at_what_comes_again(world: World) -> None:
    await world.start().deliver()
    await world.claims.delete(world.claims.keys()[0])
    damage = FakeAnalyzer("damage")
    world.others = (damage,)
    assert await world.start().deliver() == "SUCCESS"
    assert (world.analyzer.calls, damage.calls) == (1, 1)
    assert set(world.record.analyses) == {"damage"}


async def test_a_new_version_of_the_blob_goes_to_all(
    both: Driver, world: World, damage: FakeAnalyzer
) -> None:
    await both.deliver()
    await both.deliver(event("0x8D2", sequencer="02"))
    assert {analysis.blob_etag for analysis in world.record.analyses.values()} == {"0x8D2"}


async def test_a_record_set_back_goes_to_all(both: Driver, world: World, damage: FakeAnalyzer) -> None:
    await both.deliver()
    await world.claims.delete(world.claims.keys()[0])
    world.records.seed(KEY, world.record.model_copy(update={"status": Status.RECEIVED}))
    assert await both.deliver() == "SUCCESS"
    assert (world.analyzer.calls, damage.calls) == (2, 2)
