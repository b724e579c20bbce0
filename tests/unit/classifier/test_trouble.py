"""Trouble at every step, and death of the process at every step: the next delivery completes the work."""

import asyncio
import random
from contextlib import suppress

import pytest

from services.classifier.errors import AnalyzerRefused, AnalyzerUnavailable
from services.contracts.names import record_key
from tests.support.fakes.faults import Faults
from tests.support.waiting import until
from tests.unit.classifier.conftest import World, event, record

STEPS = {
    # step: (port, operation, calls of Vision in the end)
    "load": ("records", "get", 1),
    "claim": ("claims", "create", 1),
    "link": ("link", "of", 1),
    "vision": ("analyzer", "analyze", 2),
    "save": ("records", "replace", 1),
    "publish": ("publisher", "publish", 1),
}

PORTS = {
    "records": ("get", "replace"),
    "claims": ("create", "get", "delete"),
    "link": ("of",),
    "analyzer": ("analyze",),
    "publisher": ("publish",),
}


def faults(world: World, port: str) -> Faults:
    found: Faults = getattr(world, port).faults
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_trouble_at_a_step_is_retried(world: World, step: str, after: bool) -> None:
    """``after``: it was done, but the answer was lost."""
    port, operation, calls = STEPS[step]
    faults(world, port).fail_nth(1, operation, after=after)
    driver = world.start()
    assert await driver.deliver() == "RETRY"
    assert await driver.deliver() == "SUCCESS"
    assert world.record.status == "classified"
    assert len(world.record.history) == 1
    assert world.analyzer.calls == calls
    assert "claimlens.image.classified" in world.publisher.types


@pytest.mark.parametrize("step", STEPS)
async def test_death_at_a_step_is_made_good_by_the_next_life(world: World, step: str) -> None:
    """The same host and port, so the claim is known to be a dead one's and nobody waits for it to expire."""
    port, operation, _ = STEPS[step]
    gate = faults(world, port).hold(operation)
    delivery = asyncio.create_task(world.start().deliver())
    await until(lambda: faults(world, port).count(operation) == 1)
    await kill(delivery)
    gate.set()
    called = {"vision": 2, "save": 2}.get(step, 1)
    assert await world.start().deliver() == "SUCCESS"
    assert world.record.status == "classified"
    assert len(world.record.history) == 1
    assert world.analyzer.calls == called
    assert world.publisher.types == ["claimlens.image.classified"]


async def test_a_dead_replicas_claim_is_respected_until_it_expires(world: World) -> None:
    world.analyzer.hold_next()
    delivery = asyncio.create_task(world.start(instance="dead", claim_ttl_s=60).deliver())
    await until(lambda: world.analyzer.calls == 1)
    await kill(delivery)
    other = world.start(instance="alive")
    world.now_s += 59
    assert await other.deliver() == "RETRY"
    assert world.analyzer.calls == 1
    world.now_s += 2
    assert await other.deliver() == "SUCCESS"
    assert world.analyzer.calls == 2


async def test_a_claim_is_given_back_when_the_work_fails(world: World) -> None:
    world.analyzer.will_raise(AnalyzerUnavailable("429", retry_after_s=1))
    assert await world.start(instance="one").deliver() == "RETRY"
    assert world.claims.keys() == []
    assert await world.start(instance="other").deliver() == "SUCCESS"


async def test_a_claim_that_could_not_be_given_back_is_taken_over(world: World) -> None:
    world.analyzer.will_raise(AnalyzerUnavailable("away"))
    world.claims.faults.fail_nth(1, "delete")
    driver = world.start()
    assert await driver.deliver() == "RETRY"
    assert len(world.claims.keys()) == 1
    assert await driver.deliver() == "SUCCESS"


async def test_work_ends_before_its_claim_expires(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.classifier.claims.MARGIN_S", 11.95)
    world.analyzer.hold_next()
    driver = world.start(claim_ttl_s=12, vision_timeout_s=1, engine_max_wait_s=1)
    assert await driver.deliver() == "RETRY"
    assert world.claims.keys() == []


async def test_a_refusal_by_the_engine_is_retried(world: World) -> None:
    world.analyzer.will_raise(AnalyzerRefused("401"))
    driver = world.start()
    assert await driver.deliver() == "RETRY"
    assert world.record.status == "received"
    assert await driver.deliver() == "SUCCESS"


async def test_everything_away_is_retried(world: World) -> None:
    for port in ("records", "claims", "link", "analyzer", "publisher"):
        faults(world, port).down = True
    driver = world.start()
    assert [await driver.deliver() for _ in range(3)] == ["RETRY"] * 3
    for port in ("records", "claims", "link", "analyzer", "publisher"):
        faults(world, port).down = False
    assert await driver.deliver() == "SUCCESS"
    assert world.analyzer.calls == 1


async def kill(delivery: "asyncio.Task[str]") -> None:
    """As SIGKILL: nothing that the process would still do is done."""
    delivery.cancel()
    with suppress(asyncio.CancelledError):
        await delivery


async def test_a_storm_of_trouble_ends_with_every_picture_classified_and_no_call_wasted(world: World) -> None:
    """Deliveries twice at once, trouble at every port, redelivery until all is done."""
    chance = random.Random(5)
    identifiers = [f"{number:032x}" for number in range(60)]
    for identifier in identifiers:
        world.records.seed(record_key(identifier), record(identifier))
    for port, operations in PORTS.items():
        for operation in operations:
            for nth in chance.sample(range(1, 120), 20):
                faults(world, port).fail_nth(
                    nth, operation, after=chance.random() < 0.5 and port != "analyzer"
                )
    replicas = [world.start(instance="one"), world.start(instance="two")]
    waiting = [identifier for identifier in identifiers for _ in range(2)]
    for _ in range(50):
        chance.shuffle(waiting)
        events = [event(f"etag-of-{identifier}", blob=f"C-1/{identifier}.jpg") for identifier in waiting]
        outcomes = await asyncio.gather(*(chance.choice(replicas).deliver(each) for each in events))
        waiting = [each for each, outcome in zip(waiting, outcomes, strict=True) if outcome == "RETRY"]
        world.now_s += 30
        if not waiting:
            break
    assert waiting == []
    for identifier in identifiers:
        saved = world.records.peek(record_key(identifier))
        assert (saved.status, len(saved.history)) == ("classified", 1)
        assert identifier in {announced.subject for announced in world.publisher.events}
    lost = world.records.faults.count("replace") - len(identifiers)
    assert 0 < lost < 30
    assert world.analyzer.answers - len(identifiers) <= lost, "asked again only where a save was lost"
