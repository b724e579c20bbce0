"""Work beside the requests, for as long as the service serves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger()

Loop = Callable[[], Awaitable[None]]


@asynccontextmanager
async def in_background(loops: Collection[Loop]) -> AsyncIterator[None]:
    """Run the loops until the block ends. One that fails is logged and not begun again; the others go on."""
    tasks = [asyncio.create_task(_logged(loop)) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _logged(loop: Loop) -> None:
    try:
        await loop()
    except Exception:
        log.exception("background work ended by an unforeseen error")
