"""Bounds on what one caller, and all callers together, may take."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from services.platform.errors import TooManyRequests

MAX_CALLERS: Final = 10_000
BUSY_RETRY_AFTER_S: Final = 5


@dataclass
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """A token bucket for each caller: ``burst`` at once, then ``rate_per_s``. A rate of 0 is no limit.

    Only the latest MAX_CALLERS callers are remembered. ``clock`` gives seconds.
    """

    def __init__(self, rate_per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request of this caller. Raises TooManyRequests, with the seconds until the next may come."""
        if not self._rate_per_s:
            return
        moment = self._clock()
        bucket = self._buckets.setdefault(caller, _Bucket(self._burst, moment))
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (moment - bucket.at) * self._rate_per_s)
        bucket.at = moment
        if bucket.tokens < 1:
            wait_s = max(1, math.ceil((1 - bucket.tokens) / self._rate_per_s))
            raise TooManyRequests(f"Try again in {wait_s} s.", code="rate-limited", retry_after_s=wait_s)
        bucket.tokens -= 1


class Slots:
    """Places for uploads in memory. Who finds none waits, before any of the body is read, ``timeout_s`` at most."""

    def __init__(self, count: int, timeout_s: float) -> None:
        self._places = asyncio.Semaphore(count)
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Raises TooManyRequests."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            detail = "More pictures are being uploaded now than this instance takes at a time."
            raise TooManyRequests(detail, code="busy", retry_after_s=BUSY_RETRY_AFTER_S) from error
        try:
            yield
        finally:
            self._places.release()


class Budget:
    """``size`` units shared by all; first come, first served, so that a large share is not starved by small ones."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def taken(self, amount: int) -> AsyncIterator[None]:
        """Hold ``amount`` units; more than there are count as all."""
        amount = min(amount, self.size)
        async with self._turn:
            while self._free < amount:
                self._freed.clear()
                await self._freed.wait()
            self._free -= amount
        try:
            yield
        finally:
            self._free += amount
            self._freed.set()
