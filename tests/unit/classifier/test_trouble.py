"""Trouble at every step, and death of the process at every step: the next delivery completes the work."""

import asyncio
from contextlib import suppress

import pytest

from services.classifier.errors import AnalyzerRefused, AnalyzerUnavailable
from tests.support.fakes.faults import Faults
from tests.support.waiting import until
from tests.unit.classifier.conftest import World

STEPS = {
    # step: (port, operation, calls of Vision in the end)
    "load": ("records", "get", 1),
    "claim": ("claims", "create", 1),
    "link": ("link", "of", 1),
    "vision": ("analyzer", "analyze", 2),
    "save": ("records", "replace", 1),
    "publish": ("publisher", "publish", 1),
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
    monkeypatch.setattr("services.classifier.claims.MARGIN_S", 9.95)
    world.analyzer.hold_next()
    driver = world.start(claim_ttl_s=10)
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
