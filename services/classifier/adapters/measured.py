"""An engine whose calls are counted and timed, and whose time is in the delivery's log lines."""

import time

import structlog

from services.classifier.errors import ImageRejected
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import ImageAnalyzer, ImageInput
from services.contracts.records import Analysis
from services.platform.errors import ServiceError


class MeasuredAnalyzer:
    def __init__(self, inner: ImageAnalyzer, metrics: ClassifierMetrics) -> None:
        self._inner = inner
        self._metrics = metrics
        self.engine = inner.engine

    async def check(self) -> None:
        await self._inner.check()

    async def analyze(self, image: ImageInput) -> Analysis:
        started = time.perf_counter()
        result = "cancelled"
        try:
            analysis = await self._inner.analyze(image)
            result = "ok"
            return analysis
        except ServiceError as error:
            result = "rejected" if isinstance(error, ImageRejected) else error.code
            raise
        finally:
            seconds = time.perf_counter() - started
            self._metrics.vision_calls.labels(self.engine, result).inc()
            self._metrics.vision_seconds.labels(self.engine).observe(seconds)
            structlog.contextvars.bind_contextvars(vision_ms=round(seconds * 1000, 1))
