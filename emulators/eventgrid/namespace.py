"""A namespace: its topics and subscriptions, long polls, timers, and what is written down of it all.

Memory is the truth for reads; nothing is answered before the journal has it. One event loop runs all of this.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from emulators.eventgrid.clock import Clock
from emulators.eventgrid.cloudevents import with_dead_letter
from emulators.eventgrid.config import NamespaceConfig
from emulators.eventgrid.errors import NotFound, QuotaExceeded, StoreError, Unavailable
from emulators.eventgrid.journal import Journal
from emulators.eventgrid.polls import Poll, Polls
from emulators.eventgrid.restore import restore
from emulators.eventgrid.segments import Delivery, Event
from emulators.eventgrid.store import Store
from emulators.eventgrid.subscription import NEVER, Dead, Subscription, TokenFault

MAX_STORED_BYTES = 1 << 30
"""What a namespace keeps before it refuses to take more: it is held in memory too."""

Settlement = Literal["acknowledge", "release", "reject", "renewLock"]

logger = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of lock tokens."""

    succeeded: list[str] = field(default_factory=list)
    failed: list[tuple[str, TokenFault]] = field(default_factory=list)


class Topic:
    """A topic's name, its subscriptions by name, and how many events it took since the start."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.subscriptions: dict[str, Subscription] = {}
        self.published = 0


class Namespace:
    """Everything the data plane does, without HTTP. Make it inside a running event loop."""

    def __init__(
        self, config: NamespaceConfig, store: Store, clock: Clock, max_stored_bytes: int = MAX_STORED_BYTES
    ) -> None:
        self.topics = {name: Topic(name) for name in config.topics}
        self._clock = clock
        self._max_stored_bytes = max_stored_bytes
        self._loop = asyncio.get_running_loop()
        self._polls: dict[int, Polls] = {}
        self._by_id: dict[int, Subscription] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._closing = False
        kept = restore(store, self._subscribe(config, store), clock.now())
        self.journal = Journal(store, clock, self, kept)
        self._arm(self._next_deadline())

    # -- what callers ask for ---------------------------------------------------------------------------------

    def subscription(self, topic: str, name: str) -> Subscription:
        """Raises NotFound."""
        found = self.topic(topic).subscriptions.get(name)
        if found is None:
            raise NotFound(f"The topic {topic!r} has no event subscription {name!r}.")
        return found

    def topic(self, name: str) -> Topic:
        """Raises NotFound."""
        found = self.topics.get(name)
        if found is None:
            raise NotFound(f"There is no topic {name!r} in this namespace.")
        return found

    async def publish(self, topic: Topic, bodies: list[bytes]) -> None:
        """Accept events: on return they are on disk and every subscription of the topic has them.

        Raises QuotaExceeded, and Unavailable when the disk refuses.
        """
        if self.journal.stored_bytes > self._max_stored_bytes:
            raise QuotaExceeded(f"The namespace already keeps {self.journal.stored_bytes} bytes of events.")
        if topic.subscriptions:
            self.journal.publish(topic.name, bodies)
            await self._commit()
        else:
            topic.published += len(bodies)

    def take(self, subscription: Subscription, limit: int) -> list[Delivery]:
        """Lock what is there now, up to ``limit``; maybe nothing."""
        deliveries, dead = subscription.receive(limit, self._clock.now())
        if dead:
            self._bury(subscription, dead)
        if deliveries:
            self._arm(deliveries[0].lock_until)
        return deliveries

    async def receive(
        self, subscription: Subscription, limit: int, wait_s: float, gone: asyncio.Future[None]
    ) -> list[Delivery]:
        """Lock up to ``limit`` events as soon as there are any; nothing when ``wait_s`` seconds have passed, when
        the caller has ``gone``, or when the namespace closes."""
        deadline = self._clock.now() + wait_s
        polls = self._polls[subscription.id]
        while not gone.done():
            if deliveries := self.take(subscription, limit):
                return deliveries
            if self._closing or self._clock.now() >= deadline:
                break
            poll = polls.add(limit, deadline)
            self._arm(deadline)

            def leave(_: object, poll: Poll = poll) -> None:
                poll.wake(look=False)

            gone.add_done_callback(leave)
            try:
                await poll.future
            finally:
                gone.remove_done_callback(leave)
                polls.remove(poll)
                if gone.done() or poll.future.cancelled():
                    # It may have been woken for events that it now leaves to the next.
                    self._wake(subscription)
        return []

    async def settle(
        self, operation: Settlement, subscription: Subscription, tokens: list[str], delay_s: float = 0.0
    ) -> Outcome:
        """Do ``operation`` with each token; some may fail. Raises Unavailable when the disk refuses."""
        now = self._clock.now()
        outcome = Outcome()
        for token in tokens:
            fault = self._settle(operation, subscription, token, delay_s, now)
            if fault is None:
                outcome.succeeded.append(token)
            else:
                outcome.failed.append((token, fault))
        if operation == "release":
            self._wake(subscription)
            self._arm(subscription.next_deadline())
        if operation != "renewLock":
            await self._commit()
        return outcome

    def tick(self) -> None:
        """Do what time has brought: ended locks, delays, waits, and times to live."""
        now = self._clock.now()
        for subscription in self._by_id.values():
            unlocked, dead = subscription.tick(now)
            for delivery in unlocked:
                self.journal.attempt(subscription, delivery)
            self._bury(subscription, dead)
            self._wake(subscription)
            self._polls[subscription.id].expire(now)
        self._timer_at = NEVER
        self._arm(self._next_deadline())

    def waiting(self, subscription: Subscription) -> int:
        """Callers that wait in a long poll."""
        return len(self._polls[subscription.id])

    def end_polls(self) -> None:
        """Answer every long poll now, and later ones at once: the process is about to end."""
        self._closing = True
        for polls in self._polls.values():
            polls.end()

    async def close(self) -> None:
        """Write down the delivery counts of what is locked, and end the journal."""
        self.end_polls()
        if self._timer is not None:
            self._timer.cancel()
        for subscription in self._by_id.values():
            for delivery in subscription.locked.values():
                self.journal.attempt(subscription, delivery)
        await self.journal.close()

    # -- what the journal tells -------------------------------------------------------------------------------

    def published(self, events: list[Event]) -> None:
        segment = events[0].segment
        topic = self.topics[segment.topic]
        topic.published += len(events)
        subscriptions = topic.subscriptions.values()
        segment.open = len(events) * len(subscriptions)
        now = self._clock.now()
        for subscription in subscriptions:
            subscription.offer([Delivery(event) for event in events], now)
            self._wake(subscription)
            self._arm(subscription.next_deadline())

    def returned(self, subscription: Subscription, delivery: Delivery) -> None:
        subscription.give_back(delivery)
        self._wake(subscription)

    # -- inside -----------------------------------------------------------------------------------------------

    def _settle(
        self, operation: Settlement, subscription: Subscription, token: str, delay_s: float, now: float
    ) -> TokenFault | None:
        if operation == "renewLock":
            renewed = subscription.renew(token, now)
            return renewed if isinstance(renewed, TokenFault) else None
        delivery = subscription.take(token, now)
        if isinstance(delivery, TokenFault):
            return delivery
        if operation == "acknowledge":
            subscription.counters.acknowledged += 1
            self.journal.settle(subscription, delivery)
        elif operation == "reject":
            self._bury(subscription, [subscription.reject(delivery)])
        elif dead := subscription.release(delivery, delay_s, now):
            self._bury(subscription, [dead])
        else:
            self.journal.attempt(subscription, delivery)
        return None

    def _bury(self, subscription: Subscription, dead: list[Dead]) -> None:
        """Settle the dead and keep their remains, in one transaction."""
        target = self.topics.get(subscription.settings.dead_letter or "")
        for letter in dead:
            subscription.counters.dead_lettered += 1
            self.journal.settle(subscription, letter.delivery)
            if target is None:
                self.journal.dead_letter(subscription, _remains(letter))
            elif target.subscriptions:
                self.journal.publish(target.name, [_remains(letter)])
            logger.info("dead letter: %s/%s: %s", subscription.topic, subscription.name, letter.reason.value)

    def _subscribe(self, config: NamespaceConfig, store: Store) -> dict[str, list[tuple[Subscription, int]]]:
        """Make the configured subscriptions; by topic, each with the last segment that it must not see."""
        wanted = {(topic, name) for topic, subscriptions in config.topics.items() for name in subscriptions}
        rows, gone = store.reconcile(wanted)
        for topic, name in gone:
            logger.warning("%s/%s is no longer configured: what it had not settled is dropped", topic, name)
        epoch = secrets.token_hex(8)
        by_topic: dict[str, list[tuple[Subscription, int]]] = {}
        for row in rows:
            settings = config.topics[row.topic][row.name]
            subscription = Subscription(row.id, row.topic, row.name, settings, f"{epoch}{row.id:04x}")
            self.topics[row.topic].subscriptions[row.name] = subscription
            self._by_id[row.id] = subscription
            self._polls[row.id] = Polls()
            by_topic.setdefault(row.topic, []).append((subscription, row.since))
        return by_topic

    async def _commit(self) -> None:
        try:
            await self.journal.commit()
        except StoreError as error:
            raise Unavailable(f"The request could not be written down: {error}.") from error

    def _wake(self, subscription: Subscription) -> None:
        self._polls[subscription.id].wake(len(subscription.ready))

    def _next_deadline(self) -> float:
        queues = (subscription.next_deadline() for subscription in self._by_id.values())
        waits = (polls.next_deadline() for polls in self._polls.values())
        return min((*queues, *waits), default=NEVER)

    def _arm(self, deadline: float) -> None:
        if deadline >= self._timer_at or self._closing:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_later(max(0.0, deadline - self._clock.now()), self.tick)


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _remains(letter: Dead) -> bytes:
    """The dead event as it was, with what happened to it."""
    delivery = letter.delivery
    properties = {
        "deadletterreason": letter.reason.value,
        "deliveryattempts": delivery.count,
        "deliveryresult": letter.result,
        "publishutc": _utc(delivery.event.segment.published),
        "deliveryattemptutc": _utc(delivery.attempted) if delivery.attempted else None,
    }
    return with_dead_letter(delivery.event.body, properties)
