"""An engine whose calls are counted and timed, and whose time is in the delivery's log lines."""

import time

import structlog

from services.classifier.errors import ImageRejected
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import ImageAnalyzer, Picture
from services.contracts.records import Analysis
from services.platform.errors import ServiceError


class MeasuredAnalyzer:
    """``account`` tells several accounts of one engine apart."""

    def __init__(self, inner: ImageAnalyzer, metrics: ClassifierMetrics, account: str = "") -> None:
        self._inner = inner
        self._metrics = metrics
        self._account = account
        self.engine = inner.engine

    async def check(self) -> None:
        await self._inner.check()

    async def analyze(self, picture: Picture) -> Analysis:
        started = time.perf_counter()
        result = "cancelled"
        try:
            analysis = await self._inner.analyze(picture)
            result = "ok"
            return analysis
        except ServiceError as error:
            result = "rejected" if isinstance(error, ImageRejected) else error.code
            raise
        finally:
            seconds = time.perf_counter() - started
            self._metrics.vision_calls.labels(self.engine, self._account, result).inc()
            self._metrics.vision_seconds.labels(self.engine, self._account).observe(seconds)
            timings = structlog.contextvars.get_contextvars().get("engine_ms")
            if isinstance(timings, dict):
                timings[self.engine] = round(seconds * 1000, 1)
