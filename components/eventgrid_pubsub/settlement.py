"""Settling events: acknowledge, release and reject, many in one request, tried again while their locks live."""

import asyncio
import time
from collections.abc import Callable

import structlog

from components.eventgrid_pubsub.backoff import call_delay_s
from components.eventgrid_pubsub.client import EventGridClient, LockResult
from components.eventgrid_pubsub.delivery import Delivery
from components.eventgrid_pubsub.errors import ComponentError, EventGridError
from components.eventgrid_pubsub.telemetry import Calls, SubscriptionMetrics

LINGER_S = 0.02
MAX_TOKENS = 100
MAX_PENDING = 1_000
_ACKNOWLEDGE, _REJECT = -1, -2
_LOST_CODES = frozenset({"TokenLost", "BadToken"})


class Settlement:
    """Settles the events of one subscription.

    Events wait up to LINGER_S for company, at most MAX_TOKENS go into a request. ``on_room`` is called when
    the number of events not yet settled has fallen.
    """

    def __init__(
        self,
        client: EventGridClient,
        topic: str,
        subscription: str,
        metrics: SubscriptionMetrics,
        calls: Calls,
        on_room: Callable[[], None],
    ) -> None:
        self._client = client
        self._topic = topic
        self._subscription = subscription
        self._metrics = metrics
        self._calls = calls
        self._on_room = on_room
        self._waiting: dict[int, list[Delivery]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._pending = 0
        self._log = structlog.get_logger("settlement").bind(topic=topic, subscription=subscription)

    @property
    def congested(self) -> bool:
        """Whether more events wait to be settled than should: receive no more until that changes."""
        return self._pending >= MAX_PENDING

    def acknowledge(self, delivery: Delivery) -> None:
        """The event was handled."""
        self._add(_ACKNOWLEDGE, delivery)

    def release(self, delivery: Delivery, delay_s: int) -> None:
        """Give the event back, to come again after ``delay_s``."""
        self._add(delay_s, delivery)

    def reject(self, delivery: Delivery) -> None:
        """The event can never be handled."""
        self._add(_REJECT, delivery)

    async def drain(self, timeout_s: float) -> bool:
        """Send everything that waits, and wait for the answers. False when that took longer than ``timeout_s``."""
        self._flush()
        if not self._requests:
            return True
        _, unfinished = await asyncio.wait(self._requests, timeout=timeout_s)
        for task in unfinished:
            task.cancel()
        return not unfinished

    def _add(self, action: int, delivery: Delivery) -> None:
        self._pending += 1
        bucket = self._waiting.setdefault(action, [])
        bucket.append(delivery)
        if len(bucket) >= MAX_TOKENS:
            self._start(action, self._waiting.pop(action))
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for action, bucket in waiting.items():
            self._start(action, bucket)

    def _start(self, action: int, bucket: list[Delivery]) -> None:
        task = asyncio.create_task(self._settle(action, bucket))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _settle(self, action: int, bucket: list[Delivery]) -> None:
        count = len(bucket)
        try:
            attempt = 0
            while bucket:
                delay = call_delay_s(attempt)
                try:
                    result = await self._request(action, [delivery.token for delivery in bucket])
                except ComponentError as error:
                    retriable = not isinstance(error, EventGridError) or error.retriable
                    retry_after = error.retry_after_s if isinstance(error, EventGridError) else None
                    delay = call_delay_s(attempt, retry_after)
                    self._log.warning(
                        "settling failed", events=len(bucket), error=str(error), again=retriable
                    )
                    if not retriable:
                        self._lose(bucket, "refused")
                        return
                else:
                    bucket = self._settled(action, bucket, result)
                if bucket:
                    bucket = self._still_locked(bucket, delay)
                if bucket:
                    self._calls.retried("settle")
                    await asyncio.sleep(delay)
                    attempt += 1
        finally:
            self._pending -= count
            self._on_room()

    async def _request(self, action: int, tokens: list[str]) -> LockResult:
        if action == _ACKNOWLEDGE:
            return await self._client.acknowledge(self._topic, self._subscription, tokens)
        if action == _REJECT:
            return await self._client.reject(self._topic, self._subscription, tokens)
        return await self._client.release(self._topic, self._subscription, tokens, action)

    def _settled(self, action: int, bucket: list[Delivery], result: LockResult) -> list[Delivery]:
        """Count what was done; give what is to be tried again."""
        failed = result.failed()
        done = len(bucket)
        again: list[Delivery] = []
        if failed:
            lost = [delivery for delivery in bucket if failed.get(delivery.token) in _LOST_CODES]
            again = [
                delivery
                for delivery in bucket
                if delivery.token in failed and failed[delivery.token] not in _LOST_CODES
            ]
            done -= len(lost) + len(again)
            if lost:
                self._lose(lost, "lock lost")
        if action == _ACKNOWLEDGE:
            self._metrics.acknowledged.inc(done)
        elif action == _REJECT:
            self._metrics.rejected.inc(done)
        else:
            self._metrics.released(action, done)
        return again

    def _still_locked(self, bucket: list[Delivery], delay_s: float) -> list[Delivery]:
        ends = time.monotonic() + delay_s
        expired = [delivery for delivery in bucket if delivery.locked_until <= ends]
        if expired:
            self._lose(expired, "lock ended before Event Grid could be told")
        return [delivery for delivery in bucket if delivery.locked_until > ends]

    def _lose(self, deliveries: list[Delivery], why: str) -> None:
        self._metrics.lost.inc(len(deliveries))
        self._log.warning(
            "events will be delivered again", why=why, events=[d.event_id for d in deliveries][:20]
        )
