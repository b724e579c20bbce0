"""Receiving the events of one subscription and handing them to its lanes."""

import asyncio
import time
from collections import deque
from datetime import datetime

import structlog

from components.eventgrid_pubsub.backoff import release_delay_s
from components.eventgrid_pubsub.client import EventGridClient, Received
from components.eventgrid_pubsub.cloudevents import read_head
from components.eventgrid_pubsub.delivery import Delivery
from components.eventgrid_pubsub.errors import InvalidEvent
from components.eventgrid_pubsub.lanes import IdleLanes, Lane
from components.eventgrid_pubsub.locks import LockKeeper
from components.eventgrid_pubsub.metadata import ComponentSettings
from components.eventgrid_pubsub.poller import Poller
from components.eventgrid_pubsub.settlement import Settlement
from components.eventgrid_pubsub.telemetry import Calls, SubscriptionMetrics
from components.eventgrid_pubsub.tracing import Tracing

PREFETCH_S = 0.25
"""Events received ahead of free lanes: at most what the handlers have lately done in this time."""
SETTLE_TIMEOUT_S = 1.5


class Receiver:
    """One receive loop for a (topic, subscription), feeding every lane of it.

    It receives no more than its lanes can take plus a little ahead, so a slow handler holds few locks. With no lane
    left it stops, and gives back what it holds.
    """

    def __init__(
        self,
        client: EventGridClient,
        settings: ComponentSettings,
        topic: str,
        subscription: str,
        metrics: SubscriptionMetrics,
        calls: Calls,
        tracing: Tracing,
    ) -> None:
        self._client = client
        self._settings = settings
        self.topic = topic
        self.subscription = subscription
        self._metrics = metrics
        self._tracing = tracing
        self._poller = Poller(
            client, topic, subscription, settings.max_wait_time_s, calls, self._wanted, self._take
        )
        self._settlement = Settlement(client, topic, subscription, metrics, calls, self._poller.wake)
        self._lanes: set[Lane] = set()
        self._idle = IdleLanes()
        self._ready: deque[Delivery] = deque()
        self._held: dict[str, Delivery] = {}
        self._in_flight = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._keeper: asyncio.Task[None] | None = None
        self._paused = False
        self._closing = False
        self._rate = 0.0
        self._handled = 0
        self._rate_at = time.monotonic()
        metrics.lanes.set_function(lambda: len(self._lanes))
        metrics.in_flight.set_function(lambda: self._in_flight)
        metrics.buffered.set_function(lambda: len(self._ready))
        self._log = structlog.get_logger("receiver").bind(topic=topic, subscription=subscription)

    # Lanes

    def open_lane(self, name: str, raw: bool) -> Lane:
        """A new stream of daprd for this subscription."""
        lane = Lane(self, name, raw, self._settings.max_messages_per_stream)
        self._lanes.add(lane)
        self._idle.put(lane)
        self._dispatch()
        self._start()
        return lane

    @property
    def lanes(self) -> int:
        """Streams open now."""
        return len(self._lanes)

    @property
    def problem(self) -> str | None:
        """Why nothing is received now; None when all is well."""
        return self._poller.problem

    @property
    def in_flight(self) -> int:
        """Events with a handler now."""
        return self._in_flight

    def handled(self, lane: Lane, delivery: Delivery, error: str | None) -> None:
        """The handler's result: acknowledge, or release with a delay that grows with the deliveries."""
        self._leave_flight(delivery)
        self._metrics.handling.observe(time.monotonic() - delivery.dispatched)
        self._handled += 1
        if delivery.finish is not None:
            delivery.finish(error)
        if not delivery.lost:
            if error is None:
                self._settlement.acknowledge(delivery)
            else:
                delay = release_delay_s(
                    delivery.count, self._settings.retry_base_delay_s, self._settings.retry_max_delay_s
                )
                self._log.info(
                    "handler refused",
                    event_id=delivery.event_id,
                    delivery=delivery.count,
                    again_in_s=delay,
                    error=error,
                )
                self._settlement.release(delivery, delay)
        self._idle.put(lane)
        self._dispatch()
        self._poller.wake()

    def detach(self, lane: Lane) -> None:
        """A stream ended: what it had unanswered goes back at once, for others."""
        self._lanes.discard(lane)
        for delivery in lane.in_flight.values():
            self._leave_flight(delivery)
            if delivery.finish is not None:
                delivery.finish("the stream was closed")
            if not delivery.lost:
                self._settlement.release(delivery, 0)
        lane.in_flight.clear()
        self._idle.put(lane)
        if self._lanes:
            self._poller.wake()
        else:
            self._stop()

    # Life

    def pause(self) -> None:
        """Hand over nothing more. What waits for a lane goes back; handlers go on."""
        self._paused = True
        self._release_ready()
        self._poller.wake()

    def resume(self) -> None:
        """The opposite of pause."""
        self._paused = False
        self._dispatch()
        self._poller.wake()

    async def close(self, grace_s: float) -> None:
        """Receive no more, wait up to ``grace_s`` for handlers, settle, give back the rest."""
        self._closing = True
        self._stop()
        if self._in_flight and grace_s > 0:
            try:
                await asyncio.wait_for(self._quiet.wait(), grace_s)
            except TimeoutError:
                self._log.warning(
                    "handlers did not end in time; their events are given back", events=self._in_flight
                )
        for lane in list(self._lanes):
            lane.close()
        await self._poller.stopped(SETTLE_TIMEOUT_S)
        await self._settlement.drain(SETTLE_TIMEOUT_S)
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    def _start(self) -> None:
        if self._closing:
            return
        if self._keeper is None:
            keeper = LockKeeper(
                self._client,
                self.topic,
                self.subscription,
                self._settings.lock_duration_s,
                self._settings.renew_lock,
                self._metrics,
                self._held.values,
                self._lost,
            )
            self._keeper = asyncio.create_task(keeper.run())
        self._poller.start()

    def _stop(self) -> None:
        self._release_ready()
        self._poller.stop()
        if self._keeper is not None and not self._held:
            self._keeper.cancel()
            self._keeper = None

    # Receiving

    def _wanted(self) -> int:
        """How many events to ask for now; 0 to wait for room."""
        if self._paused or not self._lanes or self._settlement.congested:
            return 0
        slots = sum(lane.limit for lane in self._lanes)
        if self._settings.max_concurrent_handlers:
            slots = min(slots, self._settings.max_concurrent_handlers)
        ahead = min(2 * self._settings.max_events, int(self._recent_rate() * PREFETCH_S))
        capacity = slots + ahead
        room = min(self._settings.max_events, capacity - len(self._held))
        starving = not self._ready and self._in_flight < slots
        least = 1 if starving else max(1, min(self._settings.max_events, capacity // 4))
        return room if room >= least else 0

    def _recent_rate(self) -> float:
        now = time.monotonic()
        passed = now - self._rate_at
        if passed >= 0.1:
            weight = min(1.0, passed)
            self._rate += weight * (self._handled / passed - self._rate)
            self._handled = 0
            self._rate_at = now
        return self._rate

    def _take(self, batch: list[Received], stopped: bool) -> None:
        self._metrics.received.inc(len(batch))
        locked_until = time.monotonic() + self._settings.lock_duration_s
        keep = not (stopped or self._paused)
        last: Delivery | None = None
        for received in batch:
            properties = received.brokerProperties
            body = bytes(received.event)
            try:
                head = read_head(body)
            except InvalidEvent as error:
                self._log.error("event rejected", reason=str(error), delivery=properties.deliveryCount)
                self._settlement.reject(
                    Delivery(properties.lockToken, "", properties.deliveryCount, body, locked_until, None)
                )
                continue
            delivery = Delivery(
                properties.lockToken, head.id, properties.deliveryCount, body, locked_until, head
            )
            if keep:
                self._held[delivery.token] = delivery
                self._ready.append(delivery)
                last = delivery
            else:
                self._settlement.release(delivery, 0)
        if last is not None:
            self._metrics.lag.set(_age_s(last.head.time))
        self._dispatch()

    # Dispatching

    def _dispatch(self) -> None:
        most = self._settings.max_concurrent_handlers
        while self._ready and not (most and self._in_flight >= most) and not self._paused:
            lane = self._idle.take()
            if lane is None:
                break
            delivery = self._ready.popleft()
            if delivery.lost:
                self._held.pop(delivery.token, None)
            else:
                self._in_flight += 1
                self._quiet.clear()
                if self._tracing.enabled:
                    delivery.finish = self._tracing.delivery(
                        delivery.head, self.topic, self.subscription, delivery.count
                    )
                lane.offer(delivery)
            self._idle.put(lane)

    def _leave_flight(self, delivery: Delivery) -> None:
        self._held.pop(delivery.token, None)
        self._in_flight -= 1
        if not self._in_flight:
            self._quiet.set()

    def _lost(self, delivery: Delivery) -> None:
        if not delivery.dispatched:
            self._held.pop(delivery.token, None)  # it stays in the queue, marked, and is passed over
            self._poller.wake()

    def _release_ready(self) -> None:
        while self._ready:
            delivery = self._ready.popleft()
            self._held.pop(delivery.token, None)
            if not delivery.lost:
                self._settlement.release(delivery, 0)


def _age_s(time_attribute: str | None) -> float:
    try:
        return max(0.0, time.time() - datetime.fromisoformat(time_attribute or "").timestamp())
    except ValueError:
        return 0.0
