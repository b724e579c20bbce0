"""A lane is one PullMessages stream of daprd. Several lanes of one subscription share a receiver."""

import asyncio
import time
from collections import OrderedDict, deque
from typing import Protocol

from components.eventgrid_pubsub.delivery import Delivery


class Source(Protocol):
    """What a lane reports to."""

    def handled(self, lane: "Lane", delivery: Delivery, error: str | None) -> None:
        """The handler of ``delivery`` is done; ``error`` says what went wrong, if something did."""
        ...

    def detach(self, lane: "Lane") -> None:
        """The stream is closed; ``lane.in_flight`` holds what daprd will not answer any more."""
        ...


class Lane:
    """One stream: what is to be sent on it (``outbox``), and what was sent and is not answered yet (``in_flight``).

    ``name`` is the topic as daprd subscribed to it (``topic#3``), ``raw`` whether its subscriber wants raw payloads,
    ``limit`` how many messages may be unanswered at a time.
    """

    def __init__(self, source: Source, name: str, raw: bool, limit: int) -> None:
        self._source = source
        self.name = name
        self.raw = raw
        self.limit = limit
        self.in_flight: dict[str, Delivery] = {}
        self.level = -1
        self.closed = False
        self.outbox: deque[tuple[str, Delivery]] = deque()
        self.writing = False
        self._answering = False
        self._wake: asyncio.Future[None] | None = None
        self._last_id = 0

    def offer(self, delivery: Delivery) -> None:
        """Send the event on this lane. The caller keeps to ``limit``."""
        self._last_id += 1
        message_id = str(self._last_id)
        delivery.dispatched = time.monotonic()
        self.in_flight[message_id] = delivery
        self.outbox.append((message_id, delivery))
        # Whoever brings an answer sends what it made room for, without another turn of the loop.
        if self._wake is not None and not self._answering and not self._wake.done():
            self._wake.set_result(None)

    async def wait(self) -> bool:
        """Wait for something to be put into ``outbox``; False once the lane is closed. One caller at a time."""
        if not self.closed and (not self.outbox or self.writing):
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        return not self.closed

    def answered(self, message_id: str, error: str | None) -> bool:
        """daprd's answer to a message; the caller then sends what is in ``outbox``.

        False when no such message is out (answered twice, say).
        """
        delivery = self.in_flight.pop(message_id, None)
        if delivery is None:
            return False
        self._answering = True
        try:
            self._source.handled(self, delivery, error)
        finally:
            self._answering = False
        return True

    def close(self) -> None:
        """The stream ended. May be called more than once."""
        if not self.closed:
            self.closed = True
            self.outbox.clear()
            if self._wake is not None and not self._wake.done():
                self._wake.set_result(None)
            self._source.detach(self)


class IdleLanes:
    """Lanes that can take an event, those with the fewest in flight first, and among equals the one idle longest."""

    def __init__(self) -> None:
        self._levels: list[OrderedDict[Lane, None]] = []

    def put(self, lane: Lane) -> None:
        """The lane's load may have changed: remember whether it can take an event, and how busy it is."""
        load = -1 if lane.closed or len(lane.in_flight) >= lane.limit else len(lane.in_flight)
        if lane.level == load:
            return
        if lane.level >= 0:
            self._levels[lane.level].pop(lane, None)
        lane.level = load
        if load >= 0:
            while len(self._levels) <= load:
                self._levels.append(OrderedDict())
            self._levels[load][lane] = None

    def take(self) -> Lane | None:
        """A lane to send the next event on; put it back afterwards."""
        for level in self._levels:
            if level:
                lane, _ = level.popitem(last=False)
                lane.level = -1
                return lane
        return None
