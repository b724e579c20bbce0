"""The engine in a bounded pool of threads, so that the event loop stays free."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from emulators.vision.engine.analyzer import Engine
from emulators.vision.errors import AnalysisTimeout, FailedToProcess, InternalServerError, VisionError

log = structlog.get_logger(__name__)
Found = TypeVar("Found")

_HELD_PER_WORKER = 4
"""Pictures in memory for each that is being looked at; further requests wait with their bytes unread."""


class Workers:
    """Runs the engine. OpenCV and onnxruntime let go of the interpreter, so threads use the cores."""

    def __init__(self, make_engine: Callable[[], Engine], threads: int, timeout_s: float) -> None:
        self._make_engine = make_engine
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="look")
        self._room = asyncio.Semaphore(threads * _HELD_PER_WORKER)
        self._loaded = asyncio.Event()
        self._engine: Engine | None = None
        self._loading: asyncio.Task[None] | None = None
        self._busy = 0
        self._counting = threading.Lock()
        self.failure: str | None = None

    @property
    def ready(self) -> bool:
        return self._engine is not None and self._loaded.is_set()

    @property
    def model_version(self) -> str | None:
        return self._engine.model_version if self._engine and self._loaded.is_set() else None

    @property
    def busy(self) -> int:
        """Pictures being looked at now."""
        return self._busy

    def start(self) -> None:
        """Begin to load the models; calls that come meanwhile wait for it."""
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        def load() -> Engine:
            engine = self._make_engine()
            engine.load()
            return engine

        try:
            self._engine = await asyncio.get_running_loop().run_in_executor(self._pool, load)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            log.exception("models could not be loaded")
        self._loaded.set()

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Held from before a picture is read until its answer is made."""
        async with self._room:
            yield

    async def run(self, look: Callable[[Engine], Found]) -> Found:
        """What ``look`` gives, run with the engine in one of the threads.

        Raises what the engine refuses, FailedToProcess for what it did not expect, AnalysisTimeout.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._loaded.wait()
                if self._engine is None:
                    raise InternalServerError(f"The models could not be loaded: {self.failure}")
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._count, look, self._engine
                )
        except TimeoutError as error:
            raise AnalysisTimeout("The analysis took too long.") from error
        except VisionError:
            raise
        except Exception as error:
            log.exception("analysis failed")
            raise FailedToProcess("The image could not be processed.") from error

    def _count(self, look: Callable[[Engine], Found], engine: Engine) -> Found:
        with self._counting:
            self._busy += 1
        try:
            return look(engine)
        finally:
            with self._counting:
                self._busy -= 1

    def stop(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
