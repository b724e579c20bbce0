"""When to try again: full jitter for calls, Event Grid's five delays for events that a handler refused."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from components.eventgrid_pubsub.errors import EventGridError

RELEASE_DELAYS_S = (0, 10, 60, 600, 3600)
"""The delays Event Grid accepts for a released event, in seconds."""

CALL_BASE_S = 0.1
CALL_CAP_S = 10.0
_IMMEDIATE_BELOW_S = math.sqrt(10.0)
T = TypeVar("T")


def call_delay_s(attempt: int, retry_after_s: float | None = None) -> float:
    """Seconds to wait before trying a call again after its ``attempt``-th failure (from 0): exponential, full jitter.

    What the service asked for with Retry-After is the least it waits.
    """
    jittered = random.uniform(0, min(CALL_CAP_S, CALL_BASE_S * 2 ** min(attempt, 20)))
    return jittered if retry_after_s is None else retry_after_s + min(jittered, 1.0)


def release_delay_s(delivery_count: int, base_s: float, cap_s: float) -> int:
    """The delay Event Grid offers that is nearest, as a ratio, to ``base_s * 2 ** (delivery_count - 1)``.

    With a base of 1 s the ten deliveries of an event wait 0, 0, 10, 10, 10, 60, 60, 60, 600 s: a hiccup is over at
    once, an outage of minutes is outlived. ``cap_s`` bounds the delay.
    """
    wanted = min(cap_s, base_s * 2 ** (min(max(delivery_count, 1), 30) - 1))
    allowed = [delay for delay in RELEASE_DELAYS_S if delay <= cap_s]
    if wanted < _IMMEDIATE_BELOW_S or allowed == [0]:
        return 0
    return min(allowed[1:], key=lambda delay: abs(math.log(delay / wanted)))


async def retrying(
    call: Callable[[], Awaitable[T]],
    deadline: float,
    on_retry: Callable[[EventGridError], None] = lambda _error: None,
) -> T:
    """Call until it succeeds, fails for good, or the next try would start after ``deadline`` (time.monotonic()).

    Raises the last EventGridError.
    """
    attempt = 0
    while True:
        try:
            return await call()
        except EventGridError as error:
            delay = call_delay_s(attempt, error.retry_after_s)
            if not error.retriable or time.monotonic() + delay >= deadline:
                raise
            on_retry(error)
        await asyncio.sleep(delay)
        attempt += 1
