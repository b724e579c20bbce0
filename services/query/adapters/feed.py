"""Changes to whoever is connected to this process, each through a bounded queue."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.platform.errors import Unavailable
from services.query.domain import Change

QUEUE_SIZE: Final = 64


class Watcher:
    """One client. A client that reads too slowly loses what is queued and is told so once."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE_SIZE)
        self._lost = False
        self.closed = False

    def offer(self, change: Change) -> None:
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self._clear()
            self._lost = True

    def close(self) -> None:
        self._clear()
        self.closed = True
        self._queue.put_nowait(None)

    async def next(self, timeout_s: float) -> Change | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return None

    def take_lost(self) -> bool:
        """Whether changes were lost since the last call."""
        lost, self._lost = self._lost, False
        return lost

    def _clear(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()


class MemoryFeed:
    """Every watcher gets every change from when it came on. Use from the event loop's thread only."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._watchers: set[Watcher] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._watchers)

    def publish(self, change: Change) -> None:
        for watcher in self._watchers:
            watcher.offer(change)

    def admit(self) -> None:
        """Raises Unavailable when ``limit`` watchers are there, or the process is ending."""
        if self._closed or len(self._watchers) >= self._limit:
            raise Unavailable("No more event streams can be opened now.", code="too-many-streams")

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        watcher = Watcher()
        if self._closed:
            watcher.close()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """End every stream; no more are opened."""
        self._closed = True
        for watcher in self._watchers:
            watcher.close()
