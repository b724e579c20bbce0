"""One event subscription's queue: pure state, no clock, no input or output.

An event is ready, locked (received and not settled), or delayed (released for later). Settling takes it out; what a
caller must then write down comes back as a value.
"""

import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import NamedTuple

from emulators.eventgrid.config import SubscriptionConfig
from emulators.eventgrid.segments import Delivery

RENEW_WINDOW_S = 3600.0
"""A lock may be renewed until this long after the event was first received under it."""

NEVER = float("inf")


class DeathReason(Enum):
    """Why an event is dead, in the words of `deadletterreason`."""

    MAX_DELIVERIES = "Maximum delivery attempts was exceeded."
    EXPIRED = "Event time to live was exceeded."
    REJECTED = "Event was rejected by the client."


class Dead(NamedTuple):
    """An event that this subscription gives up; ``result`` is how its last delivery ended."""

    delivery: Delivery
    reason: DeathReason
    result: str


class TokenFault(Enum):
    """Why a lock token was refused: code and message of its error."""

    BAD = ("BadToken", "The lock token is not valid.")
    LOST = ("TokenLost", "Token has expired.")
    WINDOW = ("BadToken", "The lock can't be renewed more than one hour after the event was received.")


@dataclass
class Counters:
    """Since the process started."""

    delivered: int = 0
    acknowledged: int = 0
    released: int = 0
    rejected: int = 0
    renewed: int = 0
    lock_expired: int = 0
    dead_lettered: int = 0


class Subscription:
    """The queue of one subscription. Times are seconds since the epoch and never go back."""

    def __init__(
        self, id_: int, topic: str, name: str, settings: SubscriptionConfig, token_prefix: str
    ) -> None:
        """``token_prefix`` begins every lock token: other subscriptions and other processes have others."""
        self.id = id_
        self.topic = topic
        self.name = name
        self.settings = settings
        self.counters = Counters()
        self.ready: deque[Delivery] = deque()
        # Ordered by the end of the lock: all locks are equally long, and a renewed one moves to the end.
        self.locked: OrderedDict[str, Delivery] = OrderedDict()
        self.delayed: list[tuple[float, int, Delivery]] = []
        self._token_prefix = token_prefix
        self._numbers = count(1)
        self._next_ttl_check = NEVER

    def offer(self, deliveries: list[Delivery], now: float) -> None:
        """Take in events, ready or (``available_at`` in the future) delayed."""
        for delivery in deliveries:
            if delivery.available_at > now:
                heapq.heappush(self.delayed, (delivery.available_at, next(self._numbers), delivery))
            else:
                self.ready.append(delivery)
            self._watch_ttl(delivery, now)

    def receive(self, limit: int, now: float) -> tuple[list[Delivery], list[Dead]]:
        """Lock up to ``limit`` ready events and count their delivery; also what turned out to be too old."""
        taken: list[Delivery] = []
        dead: list[Dead] = []
        oldest = now - self.settings.event_ttl_s
        lock_until = now + self.settings.lock_duration_s
        ready, locked, prefix, numbers = self.ready, self.locked, self._token_prefix, self._numbers
        while ready and len(taken) < limit:
            delivery = ready.popleft()
            if delivery.event.segment.published <= oldest:
                dead.append(self._expired(delivery))
                continue
            delivery.count += 1
            delivery.token = token = f"{prefix}{next(numbers):012x}"
            delivery.lock_until = lock_until
            delivery.first_locked = delivery.attempted = now
            locked[token] = delivery
            taken.append(delivery)
        self.counters.delivered += len(taken)
        return taken, dead

    def take(self, token: str, now: float) -> Delivery | TokenFault:
        """End a lock that still holds: the caller settles the event or gives it back."""
        delivery = self.locked.get(token)
        if delivery is None or delivery.lock_until <= now:
            return self._fault(token)
        del self.locked[token]
        return delivery

    def renew(self, token: str, now: float) -> Delivery | TokenFault:
        """Start the lock's duration anew."""
        delivery = self.locked.get(token)
        if delivery is None or delivery.lock_until <= now:
            return self._fault(token)
        if now > delivery.first_locked + RENEW_WINDOW_S:
            return TokenFault.WINDOW
        delivery.lock_until = now + self.settings.lock_duration_s
        self.locked.move_to_end(token)
        self.counters.renewed += 1
        return delivery

    def release(self, delivery: Delivery, delay_s: float, now: float) -> Dead | None:
        """Give a taken event back, after a delay; or it was the last delivery, and the event is dead."""
        self.counters.released += 1
        if delivery.count >= self.settings.max_delivery_count:
            return Dead(delivery, DeathReason.MAX_DELIVERIES, "Event was released.")
        delivery.available_at = now + delay_s if delay_s else 0.0
        self.offer([delivery], now)
        return None

    def reject(self, delivery: Delivery) -> Dead:
        self.counters.rejected += 1
        return Dead(delivery, DeathReason.REJECTED, "Event was rejected.")

    def give_back(self, delivery: Delivery) -> None:
        """Make an event ready whose settling could not be written down."""
        self.ready.appendleft(delivery)

    def tick(self, now: float) -> tuple[list[Delivery], list[Dead]]:
        """Let time pass: events whose lock ended (ready again), and the dead."""
        unlocked: list[Delivery] = []
        dead: list[Dead] = []
        while self.locked:
            token, delivery = next(iter(self.locked.items()))
            if delivery.lock_until > now:
                break
            del self.locked[token]
            self.counters.lock_expired += 1
            if delivery.count >= self.settings.max_delivery_count:
                result = "Event was not acknowledged nor rejected."
                dead.append(Dead(delivery, DeathReason.MAX_DELIVERIES, result))
            else:
                unlocked.append(delivery)
        self.ready.extendleft(reversed(unlocked))
        for delivery in unlocked:
            self._watch_ttl(delivery, now)
        while self.delayed and self.delayed[0][0] <= now:
            self.ready.appendleft(heapq.heappop(self.delayed)[2])
        if self._next_ttl_check <= now:
            dead += self._sweep(now)
        return unlocked, dead

    def next_deadline(self) -> float:
        """When ``tick`` has something to do; infinity if never."""
        lock = next(iter(self.locked.values())).lock_until if self.locked else NEVER
        delay = self.delayed[0][0] if self.delayed else NEVER
        return min(lock, delay, self._next_ttl_check)

    def _watch_ttl(self, delivery: Delivery, now: float) -> None:
        ends = delivery.event.segment.published + self.settings.event_ttl_s
        if ends < self._next_ttl_check:
            # A sweep looks at the whole queue, so at most about ten a time to live.
            self._next_ttl_check = max(ends, now + min(1.0, self.settings.event_ttl_s / 10))

    def _sweep(self, now: float) -> list[Dead]:
        oldest = now - self.settings.event_ttl_s
        waiting = [*self.ready, *(entry[2] for entry in self.delayed)]
        expired = [delivery for delivery in waiting if delivery.event.segment.published <= oldest]
        if expired:
            gone = set(map(id, expired))
            self.ready = deque(delivery for delivery in self.ready if id(delivery) not in gone)
            self.delayed = [entry for entry in self.delayed if id(entry[2]) not in gone]
            heapq.heapify(self.delayed)
        self._next_ttl_check = NEVER
        left = [d.event.segment.published for d in waiting if d.event.segment.published > oldest]
        if left:
            pause = min(1.0, self.settings.event_ttl_s / 10)
            self._next_ttl_check = max(min(left) + self.settings.event_ttl_s, now + pause)
        return [self._expired(delivery) for delivery in expired]

    def _expired(self, delivery: Delivery) -> Dead:
        result = (
            "Event was not delivered." if not delivery.count else "Event was not acknowledged nor rejected."
        )
        return Dead(delivery, DeathReason.EXPIRED, result)

    def _fault(self, token: str) -> TokenFault:
        well_formed = len(token) == len(self._token_prefix) + 12 and all(
            c in "0123456789abcdef" for c in token
        )
        return TokenFault.LOST if well_formed else TokenFault.BAD
