"""What one caller, and all together, may take."""

import asyncio

import pytest

from services.ingest.limits import MAX_CALLERS, Budget, RateLimit, Slots
from services.platform.errors import TooManyRequests


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_burst_then_rate() -> None:
    clock = Clock()
    limit = RateLimit(0.5, 3, clock)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooManyRequests) as refused:
        limit.take("a")
    assert refused.value.retry_after_s == 2
    clock.now += 2
    limit.take("a")
    with pytest.raises(TooManyRequests):
        limit.take("a")


def test_tokens_do_not_pile_up() -> None:
    clock = Clock()
    limit = RateLimit(10, 2, clock)
    limit.take("a")
    clock.now += 3600
    limit.take("a")
    limit.take("a")
    with pytest.raises(TooManyRequests):
        limit.take("a")


def test_callers_do_not_share() -> None:
    limit = RateLimit(1, 1, Clock())
    limit.take("a")
    limit.take("b")


def test_off() -> None:
    limit = RateLimit(0, 1, Clock())
    for _ in range(100):
        limit.take("a")


def test_only_the_latest_callers_are_remembered() -> None:
    limit = RateLimit(1, 1, Clock())
    for number in range(MAX_CALLERS + 5):
        limit.take(str(number))
    assert len(limit._buckets) == MAX_CALLERS


async def test_slot_is_free_again_after_an_error() -> None:
    slots = Slots(1, 0.05)
    with pytest.raises(RuntimeError):
        async with slots.taken():
            raise RuntimeError
    async with slots.taken():
        with pytest.raises(TooManyRequests):
            async with slots.taken():
                pass


async def test_budget_is_shared_in_order() -> None:
    budget = Budget(10)
    order: list[str] = []
    gates = {name: asyncio.Event() for name in ("first", "large", "small")}

    async def take(name: str, amount: int) -> None:
        async with budget.taken(amount):
            order.append(name)
            await gates[name].wait()

    tasks = [asyncio.create_task(take(*args)) for args in (("first", 6), ("large", 50), ("small", 1))]
    for _ in range(5):
        await asyncio.sleep(0)
    assert order == ["first"], "the large one waits, and the small one behind it"
    gates["first"].set()
    gates["large"].set()
    gates["small"].set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert order == ["first", "large", "small"]


async def test_budget_of_one_who_gave_up_waiting() -> None:
    budget = Budget(10)
    async with budget.taken(10):
        waiting = asyncio.create_task(budget.taken(1).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5), budget.taken(10):
        pass
