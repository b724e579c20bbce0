"""Rate, pauses, breaker and spilling over, with a clock and without."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry

from services.classifier.adapters.measured import MeasuredAnalyzer
from services.classifier.adapters.pool import Account, AnalyzerPool
from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.classifier.gates import Gate
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import ImageUrl, Picture
from tests.support.fakes.vision import FakeAnalyzer

PICTURE = Picture(ImageUrl("http://blobs.test/x.jpg"), 100, 100)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_starts_are_evenly_spaced(clock: Clock) -> None:
    gate = Gate(10, clock=clock)
    assert [gate.reserve() for _ in range(4)] == pytest.approx([100.0, 100.1, 100.2, 100.3])
    clock.now = 200.0
    assert gate.reserve() == 200.0, "time without calls is not saved up for a storm"


def test_no_limit(clock: Clock) -> None:
    gate = Gate(0, clock=clock)
    assert [gate.reserve() for _ in range(3)] == [100.0] * 3


def test_a_pause_moves_what_was_queued(clock: Clock) -> None:
    gate = Gate(10, clock=clock)
    gate.reserve()
    version = gate.version
    gate.paused(5)
    assert gate.version != version
    assert [gate.reserve(), gate.reserve()] == pytest.approx([105.0, 105.1])
    gate.paused(1)
    assert gate.start_at() == pytest.approx(105.2), "a shorter pause changes nothing"
    for _ in range(100):
        gate.reserve()
    gate.paused(6)
    assert gate.start_at() == 106.0, "the places in the old queue are void"


def test_an_account_that_keeps_failing_is_probed(clock: Clock) -> None:
    gate = Gate(10, trip_after=3, probe_every_s=5, clock=clock)
    gate.failed()
    gate.failed()
    seen = [gate.is_down]
    gate.succeeded()
    for _ in range(3):
        gate.failed()
    seen.append(gate.is_down)
    assert [gate.reserve(), gate.reserve()] == [105.0, 110.0]
    clock.now = 106.0
    gate.failed()
    assert gate.start_at() >= 111.0
    gate.succeeded()
    seen.append(gate.is_down)
    assert seen == [False, True, False]
    assert [gate.reserve(), gate.reserve()] == pytest.approx([106.0, 106.1])


def test_one_failure_for_certain_suffices(clock: Clock) -> None:
    gate = Gate(trip_after=3, probe_every_s=5, clock=clock)
    gate.failed(for_certain=True)
    assert gate.is_down
    assert gate.start_at() == 105.0


class Pooled:
    """A pool of fakes, by name."""

    def __init__(self, *rates: float, max_wait_s: float = 5.0, probe_every_s: float = 5.0) -> None:
        self.fakes = [FakeAnalyzer() for _ in rates]
        self.gates = [Gate(rate, probe_every_s=probe_every_s) for rate in rates]
        accounts = [
            Account(f"account-{number}", fake, gate)
            for number, (fake, gate) in enumerate(zip(self.fakes, self.gates, strict=True))
        ]
        self.pool = AnalyzerPool(accounts, max_wait_s=max_wait_s)

    @property
    def calls(self) -> list[int]:
        return [fake.calls for fake in self.fakes]

    async def many(self, count: int) -> None:
        await asyncio.gather(*(self.pool.analyze(PICTURE) for _ in range(count)))


async def test_a_burst_queues() -> None:
    pooled = Pooled(50)
    started = time.monotonic()
    await pooled.many(11)
    assert time.monotonic() - started >= 0.2
    assert pooled.calls == [11]


async def test_two_accounts_share_a_burst_by_their_rates() -> None:
    pooled = Pooled(100, 50)
    await pooled.many(30)
    first, second = pooled.calls
    assert first + second == 30
    assert 18 <= first <= 22


async def test_a_quiet_pool_uses_the_first_account() -> None:
    pooled = Pooled(0, 0)
    await pooled.many(5)
    assert pooled.calls == [5, 0]


async def test_429_spills_over_to_the_next_account() -> None:
    pooled = Pooled(0, 0)
    pooled.fakes[0].will_raise(AnalyzerBusy("429", retry_after_s=60))
    await pooled.many(1)
    await pooled.many(3)
    assert pooled.calls == [1, 4]


async def test_429_of_the_only_account_is_waited_for() -> None:
    pooled = Pooled(0)
    pooled.fakes[0].will_raise(AnalyzerBusy("429", retry_after_s=0))
    await pooled.many(1)
    assert pooled.calls == [2]


async def test_a_pause_longer_than_the_wait_is_reported() -> None:
    pooled = Pooled(0, max_wait_s=0.05)
    pooled.fakes[0].will_raise(AnalyzerBusy("429", retry_after_s=30))
    with pytest.raises(AnalyzerBusy) as caught:
        await pooled.many(1)
    assert caught.value.retry_after_s is not None
    assert 29 <= caught.value.retry_after_s <= 30
    assert pooled.calls == [1]


async def test_an_account_that_is_down_costs_a_try_then_nothing() -> None:
    pooled = Pooled(0, 0)
    pooled.fakes[0].faults.down = True
    for _ in range(10):
        await pooled.many(1)
    assert pooled.calls == [3, 10]


async def test_all_accounts_down_is_reported_at_once() -> None:
    pooled = Pooled(0, 0)
    for fake in pooled.fakes:
        fake.faults.down = True
    with pytest.raises(AnalyzerUnavailable):
        await pooled.many(1)
    assert pooled.calls == [1, 1]


async def test_a_recovered_account_wakes_those_who_wait() -> None:
    pooled = Pooled(0, max_wait_s=5, probe_every_s=0.1)
    fake = pooled.fakes[0]
    fake.faults.down = True
    for _ in range(3):
        with pytest.raises(AnalyzerUnavailable):
            await pooled.many(1)
    assert pooled.gates[0].is_down
    fake.faults.down = False
    started = time.monotonic()
    await pooled.many(20)
    assert 0.09 <= time.monotonic() - started < 1.5, "not one each probe"
    assert fake.calls == 23


async def test_while_down_deliveries_are_held_back() -> None:
    pooled = Pooled(0, max_wait_s=0.2, probe_every_s=60)
    pooled.fakes[0].faults.down = True
    for _ in range(3):
        with pytest.raises(AnalyzerUnavailable):
            await pooled.many(1)
    started = time.monotonic()
    with pytest.raises(AnalyzerBusy, match=r"0\.2 s"):
        await pooled.many(1)
    assert time.monotonic() - started >= 0.2
    assert pooled.calls == [3]


async def test_a_refusing_account_is_left_alone_and_others_work() -> None:
    pooled = Pooled(0, 0)
    pooled.fakes[0].will_raise(AnalyzerRefused("401"))
    pooled.fakes[0].refusal = AnalyzerRefused("401")
    await pooled.many(1)
    await pooled.many(1)
    assert pooled.calls == [1, 2]
    await pooled.pool.check()
    pooled.fakes[1].refusal = AnalyzerRefused("403")
    with pytest.raises(AnalyzerRefused):
        await pooled.pool.check()


@pytest.mark.parametrize("error", [ImageRejected("InvalidImageSize", "small"), PictureUnreadable("gone")])
async def test_the_pictures_own_faults_are_no_reason_to_ask_again(error: Exception) -> None:
    pooled = Pooled(0, 0)
    for _ in range(5):
        pooled.fakes[0].will_raise(error)
        with pytest.raises(type(error)):
            await pooled.many(1)
    assert pooled.calls == [5, 0]
    assert not pooled.gates[0].is_down


async def test_the_pictures_own_faults_show_that_the_account_is_up() -> None:
    pooled = Pooled(0)
    away = AnalyzerUnavailable("away")
    for error in (away, away, PictureUnreadable("gone"), away):
        pooled.fakes[0].will_raise(error)
        with pytest.raises(type(error)):
            await pooled.many(1)
    assert not pooled.gates[0].is_down


async def test_a_pause_holds_for_those_who_queued_before_it() -> None:
    pooled = Pooled(20)
    fake = pooled.fakes[0]
    gate = fake.hold_next()
    fake.will_raise(AnalyzerBusy("429", retry_after_s=1))
    first = asyncio.create_task(pooled.pool.analyze(PICTURE))
    second = asyncio.create_task(pooled.pool.analyze(PICTURE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    started = time.monotonic()
    await second
    assert time.monotonic() - started >= 0.95
    await first
    assert pooled.calls == [3]


async def test_who_gives_up_waiting_leaves_the_queue_working() -> None:
    pooled = Pooled(20)
    await pooled.many(1)
    waiting = asyncio.create_task(pooled.pool.analyze(PICTURE))
    await asyncio.sleep(0)  # it takes its place in the queue
    waiting.cancel()
    await pooled.many(2)
    assert pooled.calls == [3]


async def test_calls_are_measured_by_account() -> None:
    registry = CollectorRegistry()
    fake = FakeAnalyzer()
    measured = MeasuredAnalyzer(fake, ClassifierMetrics(registry), "here")
    fake.will_raise(AnalyzerBusy("429"), ImageRejected("code", "detail"))
    for _ in range(3):
        try:
            await measured.analyze(PICTURE)
        except (AnalyzerBusy, ImageRejected):
            continue
    counts = {
        result: registry.get_sample_value(
            "claimlens_vision_calls_total", {"engine": "fake-vision", "account": "here", "result": result}
        )
        for result in ("ok", "rejected", "analyzer-busy")
    }
    assert counts == {"ok": 1.0, "rejected": 1.0, "analyzer-busy": 1.0}
    labels = {"engine": "fake-vision", "account": "here"}
    assert registry.get_sample_value("claimlens_vision_seconds_count", labels) == 3.0
