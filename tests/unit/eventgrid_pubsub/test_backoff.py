"""When to try again."""

import itertools
import time

import pytest

from components.eventgrid_pubsub.backoff import RELEASE_DELAYS_S, call_delay_s, release_delay_s, retrying
from components.eventgrid_pubsub.client import retry_after_s
from components.eventgrid_pubsub.errors import ServiceError, Unreachable


def test_ten_deliveries_outlive_an_outage_of_minutes_and_forget_a_hiccup_at_once() -> None:
    delays = [release_delay_s(delivery, 1, 3600) for delivery in range(1, 10)]
    assert delays == [0, 0, 10, 10, 10, 60, 60, 60, 600]
    assert sum(delays) > 300


@pytest.mark.parametrize(
    ("base", "cap"), list(itertools.product([0, 0.5, 1, 5, 60, 3600], [0, 10, 60, 599, 3600]))
)
def test_delays_are_event_grids_grow_and_keep_to_the_cap(base: float, cap: float) -> None:
    delays = [release_delay_s(delivery, base, cap) for delivery in range(1, 60)]
    assert set(delays) <= set(RELEASE_DELAYS_S)
    assert delays == sorted(delays)
    assert max(delays) <= cap


def test_a_count_of_zero_is_taken_for_one() -> None:
    assert release_delay_s(0, 10, 3600) == 10


def test_calls_wait_longer_and_longer_but_ten_seconds_at_most() -> None:
    for attempt in range(40):
        assert 0 <= call_delay_s(attempt) <= min(10, 0.1 * 2**attempt)


def test_retry_after_is_the_least() -> None:
    assert all(7 <= call_delay_s(attempt, 7) <= 8 for attempt in range(10))


def test_retry_after_in_seconds_or_as_a_date() -> None:
    assert retry_after_s("2") == 2
    assert retry_after_s("0.5") == 0.5
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert (
        8
        < (retry_after_s(time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 10))) or 0)
        <= 10
    )
    assert retry_after_s("soon") is None
    assert retry_after_s(None) is None


async def test_retrying_goes_on_until_it_works() -> None:
    failures = [Unreachable("away"), ServiceError(503, "Busy", "", 0.0)]
    seen: list[Exception] = []

    async def call() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert await retrying(call, time.monotonic() + 30, seen.append) == "done"
    assert len(seen) == 2


async def test_retrying_stops_at_what_cannot_get_better() -> None:
    async def call() -> None:
        raise ServiceError(404, "NotFound", "no such topic")

    with pytest.raises(ServiceError, match="404 NotFound"):
        await retrying(call, time.monotonic() + 30)


async def test_retrying_does_not_wait_beyond_its_deadline() -> None:
    started = time.monotonic()

    async def call() -> None:
        raise ServiceError(429, "TooMany", "", retry_after_s=60)

    with pytest.raises(ServiceError):
        await retrying(call, started + 1)
    assert time.monotonic() - started < 1
