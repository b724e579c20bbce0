"""The receive loop of one subscription: asks for as many events as there is room for, and outlives trouble."""

import asyncio
from collections.abc import Callable

import structlog

from components.eventgrid_pubsub.backoff import call_delay_s
from components.eventgrid_pubsub.client import EventGridClient, Received, ReceiveState
from components.eventgrid_pubsub.errors import ComponentError, EventGridError
from components.eventgrid_pubsub.telemetry import Calls

ANSWER_BEGINS_S = 0.5
ANSWER_ENDS_S = 2.0
REFUSED_DELAY_S = 1.0


class _Run:
    """One run of the loop, from start to stop."""

    def __init__(self) -> None:
        self.stopped = False
        self.state = ReceiveState()
        self.task: asyncio.Task[None] | None = None


class Poller:
    """Receives while it is started.

    ``wanted`` tells how many events to ask for, 0 to wait for ``wake``; ``take`` gets what came, and whether the loop
    has been stopped meanwhile.
    """

    def __init__(
        self,
        client: EventGridClient,
        topic: str,
        subscription: str,
        max_wait_time_s: int,
        calls: Calls,
        wanted: Callable[[], int],
        take: Callable[[list[Received], bool], None],
    ) -> None:
        self._client = client
        self._topic = topic
        self._subscription = subscription
        self._max_wait_time_s = max_wait_time_s
        self._calls = calls
        self._wanted = wanted
        self._take = take
        self._room = asyncio.Event()
        self._current: _Run | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self.problem: str | None = None
        self._log = structlog.get_logger("poller").bind(topic=topic, subscription=subscription)

    def start(self) -> None:
        """Receive; nothing happens if it does already."""
        if self._current is None:
            self._current = _Run()
            self._current.task = asyncio.create_task(self._run(self._current))
        self.wake()

    def wake(self) -> None:
        """There may be room."""
        self._room.set()

    def stop(self) -> None:
        """Ask for no more. What a call under way brings is still taken, as stopped."""
        run, self._current = self._current, None
        if run is not None and run.task is not None:
            run.stopped = True
            self.wake()
            task = asyncio.create_task(self._end(run, run.task))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def stopped(self, timeout_s: float) -> None:
        """Wait until calls under way at ``stop`` have ended."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=timeout_s)

    async def _end(self, run: _Run, task: asyncio.Task[None]) -> None:
        # Where there are events, the call is answered at once, and they are locked: take them and give them back,
        # rather than leave them locked.
        await asyncio.wait({task}, timeout=ANSWER_BEGINS_S)
        if run.state.answering.is_set():
            await asyncio.wait({task}, timeout=ANSWER_ENDS_S)
        task.cancel()
        await asyncio.wait({task})

    async def _run(self, run: _Run) -> None:
        failures = 0
        while not run.stopped:
            wanted = self._wanted()
            if not wanted:
                self._room.clear()
                await self._room.wait()
                continue
            run.state = ReceiveState()
            try:
                batch = await self._client.receive(
                    self._topic, self._subscription, wanted, self._max_wait_time_s, run.state
                )
            except ComponentError as error:
                run.state = ReceiveState()
                await self._failed(error, failures)
                failures += 1
                continue
            run.state = ReceiveState()
            if failures:
                self._log.info("receiving again", after_failures=failures)
            failures = 0
            self.problem = None
            if batch:
                self._take(batch, run.stopped)

    async def _failed(self, error: ComponentError, failures: int) -> None:
        # daprd does not open a broken stream again, so that nothing ends the loop: a missing subscription may come yet.
        refused = isinstance(error, EventGridError) and not error.retriable
        delay = call_delay_s(failures, error.retry_after_s if isinstance(error, EventGridError) else None)
        if refused:
            delay += REFUSED_DELAY_S
        self.problem = str(error)
        self._calls.retried("receive")
        self._log.warning(
            "receiving failed", error=str(error), failures=failures + 1, again_in_s=round(delay, 2)
        )
        await asyncio.sleep(delay)
