"""The account's rate limit: calls a second."""

import math
import time
from collections.abc import Callable


class RateLimit:
    """A bucket of one second's calls (at least one), filled evenly. 0 calls a second: no limit."""

    def __init__(self, calls_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = calls_per_s
        self._size = max(1.0, calls_per_s)
        self._left = self._size
        self._clock = clock
        self._filled_at = clock()

    def take(self) -> int | None:
        """None if a call may go through now, otherwise the whole seconds after which one may."""
        if self._rate <= 0:
            return None
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._left >= 1:
            self._left -= 1
            return None
        return max(1, math.ceil((1 - self._left) / self._rate))
