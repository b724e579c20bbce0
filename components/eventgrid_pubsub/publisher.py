"""Publishing: concurrent calls of one topic share a request, and each still gets its own result."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from functools import partial

from components.eventgrid_pubsub.backoff import retrying
from components.eventgrid_pubsub.client import EventGridClient
from components.eventgrid_pubsub.cloudevents import MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from components.eventgrid_pubsub.errors import ComponentError, EventGridError, ServiceError, Unreachable
from components.eventgrid_pubsub.telemetry import Calls, Metrics
from components.eventgrid_pubsub.tracing import Tracing

MAX_REQUEST_BYTES = MAX_EVENT_BYTES
CONCURRENT_REQUESTS = 4
WORTH_ANOTHER_EVENTS = 100
"""Events that wait before a request is begun while another one is on its way."""
LINGER_S = 0.005
RETURNING = 0.75
"""Whoever got an answer is likely to publish again: the share of callers to wait for, for LINGER_S at most."""
_BLAMES_AN_EVENT = frozenset({400, 413})


class Ticket:
    """A call's events on their way: ``errors`` by index once ``done``; no try begins after ``deadline``."""

    __slots__ = ("_left", "deadline", "done", "errors")

    def __init__(self, events: int, deadline: float) -> None:
        self._left = events
        self.deadline = deadline
        self.errors: dict[int, ComponentError] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, index: int, error: ComponentError | None) -> None:
        """Event ``index`` was published, or was not and why."""
        if error is not None:
            self.errors[index] = error
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)


_Item = tuple[bytes, Ticket, int]


class TopicPublisher:
    """Publishes to one topic.

    While a request is on its way, what arrives makes up the next one, which waits for the first unless it is large, and
    a moment more for the callers that the first one answered. A lone caller's events go out at once.
    """

    def __init__(
        self,
        client: EventGridClient,
        topic: str,
        timeout_s: float,
        metrics: Metrics,
        instance: str,
        calls: Calls,
        tracing: Tracing,
    ) -> None:
        self._client = client
        self._topic = topic
        self._timeout_s = timeout_s
        self._queue: deque[_Item] = deque()
        self._requests: set[asyncio.Task[None]] = set()
        self._waiting_bytes = 0
        self._scheduled = False
        self._worth = 0
        self._linger: asyncio.TimerHandle | None = None
        self._calls = calls
        self._tracing = tracing
        self._published = metrics.published.labels(instance, topic)
        self._batch = metrics.batch.labels(instance, topic)
        self._unpublished = metrics.unpublished
        metrics.waiting.labels(instance, topic).set_function(lambda: len(self._queue))
        self._labels = (instance, topic)

    async def publish(self, events: Sequence[bytes]) -> dict[int, ComponentError]:
        """Publish the events; gives the error of each that was not, by its index. Takes publishTimeout at most."""
        if not events:
            return {}
        ticket = Ticket(len(events), time.monotonic() + self._timeout_s)
        for index, event in enumerate(events):
            self._queue.append((event, ticket, index))
            self._waiting_bytes += len(event)
        self._schedule()
        try:
            async with asyncio.timeout(self._timeout_s + 1):
                await ticket.done
        except TimeoutError:
            late = Unreachable(f"not published within {self._timeout_s:g} s (publishTimeout)")
            return {index: ticket.errors.get(index, late) for index in range(len(events))}
        return ticket.errors

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is on its way."""
        deadline = time.monotonic() + timeout_s
        while (self._requests or self._queue) and time.monotonic() < deadline:
            self._flush_all()
            await asyncio.wait(self._requests, timeout=deadline - time.monotonic())
        for task in self._requests:
            task.cancel()

    def _schedule(self) -> None:
        # One turn of the loop later: calls that are ready now join.
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while self._queue and self._may_begin():
            if self._linger is not None:
                self._linger.cancel()
                self._linger = None
            batch = self._next_batch()
            # The latest deadline: whoever's has passed is not waiting any more.
            task = asyncio.create_task(self._send(batch, batch[-1][1].deadline))
            self._requests.add(task)
            task.add_done_callback(partial(self._sent, len(batch)))

    def _may_begin(self) -> bool:
        if len(self._queue) >= WORTH_ANOTHER_EVENTS or self._waiting_bytes >= MAX_REQUEST_BYTES // 2:
            return len(self._requests) < CONCURRENT_REQUESTS
        if self._requests:
            return False
        return len(self._queue) >= self._worth

    def _sent(self, events: int, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        self._worth = int(RETURNING * (events + len(self._queue)))
        if len(self._queue) < self._worth:
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._flush_all)
        self._flush()

    def _flush_all(self) -> None:
        self._worth = 0
        self._flush()

    def _next_batch(self) -> list[_Item]:
        batch: list[_Item] = []
        size = 2
        while self._queue and len(batch) < MAX_BATCH_EVENTS:
            size += len(self._queue[0][0]) + 1
            if batch and size > MAX_REQUEST_BYTES:
                break
            batch.append(self._queue.popleft())
            self._waiting_bytes -= len(batch[-1][0])
        return batch

    async def _send(self, batch: list[_Item], deadline: float) -> None:
        events = [event for event, _, _ in batch]
        self._batch.observe(len(events))
        started_ns = time.time_ns()

        async def attempt() -> None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Unreachable(f"not published within {self._timeout_s:g} s (publishTimeout)")
            await self._client.publish(self._topic, events, left)

        error: ComponentError | None = None
        try:
            await retrying(attempt, deadline, self._retried)
        except ServiceError as refused:
            if refused.http_status in _BLAMES_AN_EVENT and len(batch) > 1:
                # All or none was taken: halve until the events at fault stand alone.
                middle = len(batch) // 2
                await self._send(batch[:middle], deadline)
                await self._send(batch[middle:], deadline)
                return
            error = refused
        except ComponentError as failure:
            error = failure
        except asyncio.CancelledError:
            error = Unreachable("the component is stopping")
        if error is None:
            self._published.inc(len(batch))
        else:
            self._unpublished.labels(*self._labels, error.status.name).inc(len(batch))
        for event, ticket, index in batch:
            if self._tracing.enabled:
                self._tracing.publishing(event, self._topic, started_ns, error)
            ticket.settle(index, error)

    def _retried(self, _error: EventGridError) -> None:
        self._calls.retried("publish")
