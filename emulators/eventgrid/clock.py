"""The one source of time, so that tests move it instead of waiting."""

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the Unix epoch; never goes back while the process lives."""


class SystemClock:
    """The wall clock as read once at the start, carried on by the monotonic one, plus what tests added.

    A laptop that wakes up or an NTP step can't make locks expire in the past.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset_s

    def advance(self, seconds: float) -> None:
        """Jump ``seconds`` (≥ 0) ahead."""
        self._offset_s += max(0.0, seconds)
