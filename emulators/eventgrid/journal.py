"""Group commit: everything asked for while one transaction is being written goes into the next.

The event loop fills the open batch; one writer thread commits sealed ones. At most one is in the writer's hands, so
the batch grows with the load and the cost of a commit is shared.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from emulators.eventgrid.clock import Clock
from emulators.eventgrid.errors import StoreError
from emulators.eventgrid.segments import Delivery, Event, Segment
from emulators.eventgrid.store import Attempt, NewSegment, Store, Transaction, join_bodies, pack_mask
from emulators.eventgrid.subscription import Subscription

MAX_SEGMENT_EVENTS = 1000

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Who is told what became of a batch, on the event loop."""

    def published(self, events: list[Event]) -> None:
        """``events``, all of one topic, are on disk."""

    def returned(self, subscription: Subscription, delivery: Delivery) -> None:
        """Settling failed; the event is to be delivered again."""


class Batch:
    """What the next transaction will hold."""

    def __init__(self, committed: asyncio.Future[None]) -> None:
        self.committed = committed
        self.publishes: dict[str, list[bytes]] = {}
        self.settled: list[tuple[Subscription, Delivery]] = []
        self.attempts: list[tuple[Subscription, Delivery]] = []
        self.dead: list[tuple[str, str, bytes]] = []
        self.events: list[list[Event]] = []
        self.removed: list[Segment] = []


class Journal:
    """Collects changes, commits them in order, and tells ``sink`` and the waiting callers."""

    def __init__(self, store: Store, clock: Clock, sink: Sink, stored_bytes: int = 0) -> None:
        """``stored_bytes``: of the events that are in the store already."""
        self.stored_bytes = stored_bytes
        self.commits = 0
        self._store = store
        self._clock = clock
        self._sink = sink
        self._next_seq = store.last_seq() + 1
        self._loop = asyncio.get_running_loop()
        self._open: Batch | None = None
        self._sealed: Batch | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def publish(self, topic: str, bodies: list[bytes]) -> None:
        batch = self._batch()
        if topic in batch.publishes:
            batch.publishes[topic] += bodies
        else:
            batch.publishes[topic] = list(bodies)

    def settle(self, subscription: Subscription, delivery: Delivery) -> None:
        """The subscription is done with this event, however it ended."""
        delivery.event.segment.settle(subscription.id, delivery.event.index)
        self._batch().settled.append((subscription, delivery))

    def attempt(self, subscription: Subscription, delivery: Delivery) -> None:
        """Remember the delivery count, and the delay if there is one."""
        self._batch().attempts.append((subscription, delivery))

    def dead_letter(self, subscription: Subscription, body: bytes) -> None:
        self._batch().dead.append((subscription.topic, subscription.name, body))

    async def commit(self) -> None:
        """Wait until everything asked for so far is on disk. Raises StoreError."""
        batch = self._open or self._sealed
        if batch is not None:
            # Shielded: many callers wait for the one future, and each may be cancelled.
            await asyncio.shield(batch.committed)

    async def read(self, query: Callable[[Store], list[bytes]]) -> list[bytes]:
        """Run ``query`` in the writer's thread, after what was sealed before it."""
        answer: asyncio.Future[list[bytes]] = self._loop.create_future()

        def run() -> None:
            try:
                result = query(self._store)
            except Exception as error:  # noqa: BLE001 - the caller gets it, and the writer lives on
                self._loop.call_soon_threadsafe(answer.set_exception, StoreError(str(error)))
            else:
                self._loop.call_soon_threadsafe(answer.set_result, result)

        self._queue.put(run)
        return await answer

    async def close(self) -> None:
        """Commit what is open and end the writer."""
        with contextlib.suppress(StoreError):
            await self.commit()
        await self._idle.wait()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _batch(self) -> Batch:
        if self._open is None:
            future: asyncio.Future[None] = self._loop.create_future()
            # Timers settle without anybody waiting: look at the exception so that asyncio does not complain.
            future.add_done_callback(lambda f: f.exception())
            self._open = Batch(future)
            self._idle.clear()
            if self._sealed is None:
                self._loop.call_soon(self._seal)
        return self._open

    def _seal(self) -> None:
        batch = self._open
        if batch is None or self._sealed is not None:
            return
        self._open, self._sealed = None, batch
        tx = self._transaction(batch)

        def commit() -> None:
            error: StoreError | None = None
            try:
                self._store.apply(tx)
            except StoreError as failed:
                error = failed
            except Exception as failed:  # the writer must outlive whatever it was given
                logger.exception("journal")
                error = StoreError(str(failed))
            self._loop.call_soon_threadsafe(self._committed, batch, error)

        self._queue.put(commit)

    def _transaction(self, batch: Batch) -> Transaction:
        tx = Transaction(dead=batch.dead)
        now = self._clock.now()
        for topic, bodies in batch.publishes.items():
            for start in range(0, len(bodies), MAX_SEGMENT_EVENTS):
                part = bodies[start : start + MAX_SEGMENT_EVENTS]
                blob = join_bodies(part)
                segment = Segment(self._next_seq, topic, now, len(blob))
                self._next_seq += 1
                tx.segments.append(NewSegment(segment.seq, topic, now, blob))
                batch.events.append([Event(segment, index, body) for index, body in enumerate(part)])
        for subscription, delivery in batch.attempts:
            event = delivery.event
            if not event.segment.done.get(subscription.id, 0) >> event.index & 1:
                event.segment.marked = True
                tx.attempts.append(
                    Attempt(
                        event.segment.seq, subscription.id, event.index, delivery.count, delivery.available_at
                    )
                )
        touched = {(delivery.event.segment, subscription.id) for subscription, delivery in batch.settled}
        for segment in {segment for segment, _ in touched if not segment.open}:
            (tx.marked if segment.marked else tx.unmarked).append(segment.seq)
            batch.removed.append(segment)
        for segment, subscription_id in touched:
            if segment.open:
                segment.marked = True
                tx.settled.append((segment.seq, subscription_id, pack_mask(segment.done[subscription_id])))
        return tx

    def _committed(self, batch: Batch, error: StoreError | None) -> None:
        self._sealed = None
        if error is None:
            self.commits += 1
            self.stored_bytes -= sum(segment.size for segment in batch.removed)
            for events in batch.events:
                self.stored_bytes += events[0].segment.size
                self._sink.published(events)
            batch.committed.set_result(None)
        else:
            logger.error("journal: %s", error)
            for subscription, delivery in batch.settled:
                delivery.event.segment.unsettle(subscription.id, delivery.event.index)
                self._sink.returned(subscription, delivery)
            batch.committed.set_exception(error)
        if self._open is not None:
            self._seal()
        else:
            self._idle.set()

    def _write(self) -> None:
        while (job := self._queue.get()) is not None:
            job()
