"""When a sidecar is told to start anew, and when it is left alone."""

import asyncio
from collections.abc import Callable, Collection
from itertools import pairwise

from services.platform.background import in_background
from services.platform.dapr.sidecar import NotSubscribed
from services.platform.dapr.subscribed import Subscribed
from services.platform.errors import SidecarUnavailable
from tests.support.waiting import until


class FakeSidecar:
    """``answers`` gives what each look finds; None: all is well."""

    def __init__(self, answers: Callable[[int], SidecarUnavailable | None]) -> None:
        self._answers = answers
        self.looks = 0
        self.told: list[int] = []

    async def check_subscriptions(self, pubsub: str, topics: Collection[str]) -> None:
        self.looks += 1
        if error := self._answers(self.looks):
            raise error

    async def shut_down(self) -> None:
        self.told.append(self.looks)


async def after(looks: int, sidecar: FakeSidecar, patience_s: float) -> list[int]:
    """At which looks the sidecar was told to end."""
    kept = Subscribed(sidecar, "image-events", ["t"], patience_s=patience_s, look_s=0.001)  # type: ignore[arg-type]
    async with in_background([kept.keep]):
        await until(lambda: sidecar.looks >= looks, 10, f"{looks} looks")
    return sidecar.told


async def test_a_sidecar_that_has_subscribed_its_app_is_left_alone() -> None:
    assert await after(50, FakeSidecar(lambda _: None), 0.0) == []


async def test_one_that_is_away_is_left_alone() -> None:
    assert await after(50, FakeSidecar(lambda _: SidecarUnavailable("away")), 0.0) == []


async def test_one_that_comes_to_it_in_time_is_left_alone() -> None:
    slow = FakeSidecar(lambda look: NotSubscribed("not yet") if look % 5 else None)
    assert await after(100, slow, 1.0) == []


async def test_attempts_that_do_not_help_become_rare() -> None:
    times: list[float] = []

    class Stubborn(FakeSidecar):
        async def shut_down(self) -> None:
            times.append(asyncio.get_running_loop().time())

    stubborn = Stubborn(lambda _: NotSubscribed("never"))
    kept = Subscribed(stubborn, "image-events", ["t"], patience_s=0.02, look_s=0.001)  # type: ignore[arg-type]
    async with in_background([kept.keep]):
        await until(lambda: len(times) == 4, 10, "four attempts")
    first, second, third = (later - earlier for earlier, later in pairwise(times))
    # Each waits at least twice as long as the one before had to: 0.02, 0.04, 0.08, 0.16.
    assert first >= 0.04
    assert second >= 0.08
    assert third >= 0.16


async def test_background_work_that_fails_leaves_the_rest_alone() -> None:
    beats = 0

    async def fails() -> None:
        raise ZeroDivisionError("a bug")

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    async with in_background([fails, beat]):
        await until(lambda: beats > 10, 5, "the other one goes on")
    stopped = beats
    await asyncio.sleep(0)
    assert beats == stopped
