"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

INTERVAL_S = 0.05
T = TypeVar("T")


class DeadlineExceeded(AssertionError):
    """The condition did not become true in time; says what was waited for and what was seen last."""


@overload
async def until(
    predicate: Callable[[], Awaitable[T]], timeout_s: float = 10.0, what: str = "condition"
) -> T: ...


@overload
async def until(predicate: Callable[[], T], timeout_s: float = 10.0, what: str = "condition") -> T: ...


async def until(predicate: Callable[[], Any], timeout_s: float = 10.0, what: str = "condition") -> Any:
    """Call ``predicate`` (plain or async) until it is truthy, and give what it gave.

    Exceptions of the predicate count as "not yet"; the last one is shown when time runs out.
    Raises DeadlineExceeded after ``timeout_s`` seconds.
    """
    deadline = time.monotonic() + timeout_s
    last: Any = None
    while True:
        try:
            value = predicate()
            last = await value if inspect.isawaitable(value) else value
            if last:
                return last
        except Exception as error:
            last = error
        if time.monotonic() >= deadline:
            raise DeadlineExceeded(f"{what}: not within {timeout_s} s; last seen: {last!r}")
        await asyncio.sleep(INTERVAL_S)


def until_sync(predicate: Callable[[], T], timeout_s: float = 10.0, what: str = "condition") -> T:
    """The same for code without an event loop."""
    deadline = time.monotonic() + timeout_s
    last: Any = None
    while True:
        try:
            last = predicate()
            if last:
                return last  # type: ignore[no-any-return]
        except Exception as error:
            last = error
        if time.monotonic() >= deadline:
            raise DeadlineExceeded(f"{what}: not within {timeout_s} s; last seen: {last!r}")
        time.sleep(INTERVAL_S)
