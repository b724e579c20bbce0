"""When the next call to an account may start: so that a burst queues, and an account in trouble is left alone."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress


class Signal:
    """Wakes everybody who waits for it, each time it is fired."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        fired, self._event = self._event, asyncio.Event()
        fired.set()

    async def wait(self, timeout_s: float) -> None:
        """Until it is fired, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()


class Gate:
    """Starts of calls to one account, evenly spaced at ``calls_per_s`` (0: no limit).

    An account that asked for a pause gets it. One that failed ``trip_after`` times running is taken for down: from
    then on it gets a call each ``probe_every_s`` seconds, until one succeeds. ``version`` changes, and ``changed``
    fires, when earlier reservations no longer hold. Times are the clock's seconds.
    """

    def __init__(
        self,
        calls_per_s: float = 0.0,
        *,
        trip_after: int = 3,
        probe_every_s: float = 5.0,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.version = 0
        self.changed = Signal()
        self.on_change = on_change
        self._clock = clock
        self._interval_s = 1.0 / calls_per_s if calls_per_s else 0.0
        self._trip_after = trip_after
        self._probe_every_s = probe_every_s
        self._next = clock()
        self._paused_until = clock()
        self._failures = 0

    @property
    def is_down(self) -> bool:
        return self._failures >= self._trip_after

    def start_at(self) -> float:
        """When a call that is reserved now could start; not before now."""
        return max(self._next, self._paused_until, self._clock())

    def reserve(self) -> float:
        """Take that start. Whoever does not use it leaves a gap, nothing worse."""
        start = self.start_at()
        self._next = start + (self._probe_every_s if self.is_down else self._interval_s)
        return start

    def succeeded(self) -> None:
        was_down = self.is_down
        self._failures = 0
        if was_down:
            self._next = self._clock()
            self._change()

    def paused(self, pause_s: float) -> None:
        """The account asked for fewer calls."""
        until = self._clock() + pause_s
        if until > self._paused_until:
            self._paused_until = until
            # What was queued queues anew, evenly spaced after the pause.
            self._next = until
            self._change()

    def failed(self, *, for_certain: bool = False) -> None:
        """A call found the account away; ``for_certain``: no need to try again before taking it for down."""
        was_down = self.is_down
        self._failures = max(self._failures + 1, self._trip_after if for_certain else 0)
        if self.is_down:
            probe = self._clock() + self._probe_every_s
            self._next = max(self._next, probe) if was_down else probe
            if not was_down:
                self._change()

    def _change(self) -> None:
        self.version += 1
        self.changed.fire()
        self.on_change()
