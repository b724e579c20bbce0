"""Running a rebuild in the background: on demand, and by itself while the index is not complete."""

import asyncio
from typing import Final

import structlog

from services.platform.errors import Unavailable
from services.query.errors import IndexUnavailable
from services.query.handlers import Rebuilder
from services.query.ports import SearchIndex

log = structlog.get_logger()

FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 10.0


class BackgroundRebuild:
    """One task at most. A rebuild that fails for passing trouble is tried again, until it is through or ``stop``."""

    def __init__(self, rebuilder: Rebuilder, index: SearchIndex) -> None:
        self._rebuilder = rebuilder
        self._index = index
        self._task: asyncio.Task[None] | None = None
        self._asked = False

    def start(self) -> None:
        """Begin one, unless one is under way."""
        self._asked = True
        self._begin()

    def start_if_incomplete(self) -> None:
        """Begin one if the index is not complete; an index that is away is asked until it answers."""
        self._begin()

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._until_through(), name="rebuild")

    async def stop(self) -> None:
        """Cancel what is under way; what it did stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(self) -> None:
        """Readiness. Raises IndexUnavailable while the index is not complete: answers would lack pictures."""
        if not await self._index.complete():
            progress = self._rebuilder.progress
            why = f"; {progress.error}" if progress.error else ""
            raise IndexUnavailable(f"the index is being built, {progress.seen} pictures so far{why}")

    async def _until_through(self) -> None:
        wait_s = FIRST_RETRY_S
        while True:
            try:
                if self._asked or not await self._index.complete():
                    await self._rebuilder.rebuild()
                self._asked = False
                return
            except Unavailable as error:
                log.warning("rebuild will be tried again", why=error.detail, wait_s=wait_s)
            except Exception:
                log.exception("rebuild failed; it will be tried again", wait_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LAST_RETRY_S)
