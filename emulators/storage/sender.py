"""Drains the outbox to Event Grid: in order, in batches, again and again until it is accepted."""

import asyncio
import logging
import random

import aiohttp

from emulators.storage.journal import Journal, Pending

log = logging.getLogger("storage.sender")

BATCH = 100
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
REFUSED_WAIT_S = 30.0
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
# What a retry cannot mend as long as the event stays what it is; all else is the namespace's trouble.
REFUSED = frozenset({400, 413})


class Sender:
    """Publishes to ``{event_grid}/topics/{topic}:publish`` (api-version 2024-06-01) with an access key."""

    def __init__(
        self, journal: Journal, session: aiohttp.ClientSession, event_grid: str, topic: str, key: str
    ) -> None:
        self._journal = journal
        self._session = session
        self._url = f"{event_grid.rstrip('/')}/topics/{topic}:publish?api-version=2024-06-01"
        self._headers = {
            "Authorization": f"SharedAccessKey {key}",
            "Content-Type": "application/cloudevents-batch+json; charset=utf-8",
            "Accept": "application/json",
        }
        self._wake = asyncio.Event()
        self.trouble = ""
        """Why the last attempt failed; empty if it did not."""

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        wait_s = FIRST_WAIT_S
        while True:
            self._wake.clear()
            batch = self._journal.pending(BATCH)
            if not batch:
                await self._wait(REFUSED_WAIT_S)
            elif await self._deliver(batch):
                wait_s = FIRST_WAIT_S
            else:
                await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _deliver(self, batch: list[Pending]) -> bool:
        """Whether to go on at once. A refused batch is sent one by one, so that one bad event stops none."""
        status, text = await self._post(batch)
        if 200 <= status < 300:
            self._journal.sent(pending.id for pending in batch)
            if self.trouble:
                log.info("event grid takes events again")
            self.trouble = ""
            return True
        if status not in REFUSED:
            self._complain(f"{status} {text}" if status else text)
            return False
        if len(batch) > 1:
            return all([await self._deliver([pending]) for pending in batch])
        log.error(
            "event grid refuses an event, offered again later: %s %s; %s",
            status,
            text,
            batch[0].event.decode(),
        )
        self._journal.postpone(batch[0].id, REFUSED_WAIT_S)
        return True

    def _complain(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("event grid does not take events, they wait in the outbox: %s", trouble)
        self.trouble = trouble

    async def _post(self, batch: list[Pending]) -> tuple[int, str]:
        """Status and the start of the body; status 0 if there was no answer."""
        body = b"[" + b",".join(pending.event for pending in batch) + b"]"
        try:
            async with self._session.post(
                self._url, data=body, headers=self._headers, timeout=TIMEOUT
            ) as answer:
                return answer.status, (await answer.text(errors="replace"))[:300]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, f"{type(error).__name__}: {error}"
