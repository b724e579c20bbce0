"""Faults that a fake shows when it is told to."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.platform.errors import SidecarUnavailable


class Faults:
    """Decides which calls of a fake fail with SidecarUnavailable; ``calls`` has the names of all, in order.

    A call fails *before* it does anything, as with a sidecar that is away; or *after* it was done, as with an
    answer that came too late.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.down = False
        self._before: set[tuple[str, int]] = set()
        self._after: set[tuple[str, int]] = set()
        self._count: Counter[str] = Counter()
        self._held: defaultdict[str, list[asyncio.Event]] = defaultdict(list)

    def fail_nth(self, nth: int, operation: str = "*", *, after: bool = False) -> None:
        """Fail the ``nth`` call (1: the next one) of ``operation``, or of any operation."""
        (self._after if after else self._before).add((operation, self._count[operation] + nth))

    def heal(self) -> None:
        """No call fails any more."""
        self.down = False
        self._before.clear()
        self._after.clear()

    def hold(self, operation: str) -> asyncio.Event:
        """Every call of ``operation`` from now on waits, before it does anything, until the event is set."""
        gate = asyncio.Event()
        self._held[operation].append(gate)
        return gate

    def count(self, operation: str) -> int:
        """How many calls of this operation there were; ``*`` for all."""
        return self._count[operation]

    @asynccontextmanager
    async def call(self, operation: str) -> AsyncIterator[None]:
        """What a fake puts around the work of each of its operations."""
        self.calls.append(operation)
        self._count[operation] += 1
        self._count["*"] += 1
        # Judged now: while this call waits, others count on.
        lost_before = self.down or self._planned(self._before, operation)
        lost_after = self._planned(self._after, operation)
        await asyncio.sleep(0)  # a real call lets others run
        for gate in self._held[operation]:
            await gate.wait()
        if lost_before:
            raise SidecarUnavailable(f"{operation}: the fake is away")
        yield
        if lost_after:
            raise SidecarUnavailable(f"{operation}: no answer in time")

    def _planned(self, planned: set[tuple[str, int]], operation: str) -> bool:
        return bool({(name, self._count[name]) for name in (operation, "*")} & planned)
