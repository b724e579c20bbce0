"""Keeping locks: renewed while a handler works, given up where renewal is off or refused."""

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog

from components.eventgrid_pubsub.client import EventGridClient
from components.eventgrid_pubsub.delivery import Delivery
from components.eventgrid_pubsub.errors import ComponentError
from components.eventgrid_pubsub.settlement import MAX_TOKENS
from components.eventgrid_pubsub.telemetry import SubscriptionMetrics

MIN_INTERVAL_S = 0.1


class LockKeeper:
    """Looks over the events held every twelfth of the lock's duration; renews those past half of it."""

    def __init__(
        self,
        client: EventGridClient,
        topic: str,
        subscription: str,
        duration_s: float,
        renew: bool,
        metrics: SubscriptionMetrics,
        held: Callable[[], Iterable[Delivery]],
        on_lost: Callable[[Delivery], None],
    ) -> None:
        self._client = client
        self._topic = topic
        self._subscription = subscription
        self._duration_s = duration_s
        self._renew = renew
        self._metrics = metrics
        self._held = held
        self._on_lost = on_lost
        self._log = structlog.get_logger("locks").bind(topic=topic, subscription=subscription)

    async def run(self) -> None:
        """Watch until cancelled."""
        interval = max(MIN_INTERVAL_S, self._duration_s / 12)
        while True:
            await asyncio.sleep(interval)
            now = time.monotonic()
            if self._renew:
                due = [d for d in self._held() if not d.lost and d.locked_until - now < self._duration_s / 2]
                for start in range(0, len(due), MAX_TOKENS):
                    await self._renew_batch(due[start : start + MAX_TOKENS])
            now = time.monotonic()
            for delivery in [d for d in self._held() if not d.lost and d.locked_until <= now]:
                self._lose(delivery, "lock ended")

    async def _renew_batch(self, due: list[Delivery]) -> None:
        asked = time.monotonic()
        try:
            result = await self._client.renew(self._topic, self._subscription, [d.token for d in due])
        except ComponentError as error:
            self._log.warning("locks not renewed", events=len(due), error=str(error))
            return  # the next round tries again; what has ended by then is lost
        failed = result.failed()
        for delivery in due:
            if delivery.token in failed:
                self._lose(delivery, failed[delivery.token])
            else:
                delivery.locked_until = asked + self._duration_s
        self._metrics.renewed.inc(len(due) - len(failed))

    def _lose(self, delivery: Delivery, why: str) -> None:
        if delivery.lost:
            return
        delivery.lost = True
        self._metrics.lost.inc()
        self._log.warning("lock lost", event_id=delivery.event_id, why=why)
        self._on_lost(delivery)
