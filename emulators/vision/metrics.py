"""Prometheus metrics of one emulator."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from emulators.vision.calls import Call, CallLog


class Metrics:
    """Has its own registry: two emulators in one process do not collide."""

    def __init__(self, calls: CallLog) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "vision_emulator_calls",
            "Calls by operation and status.",
            ["operation", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "vision_emulator_call_seconds",
            "Time to answer.",
            ["operation"],
            registry=self._registry,
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
        )
        in_flight = Gauge("vision_emulator_calls_in_flight", "Calls being answered.", registry=self._registry)
        in_flight.set_function(lambda: float(calls.in_flight))

    def observe(self, call: Call) -> None:
        self._calls.labels(call.operation, str(call.status)).inc()
        self._seconds.labels(call.operation).observe((call.duration_ms or 0) / 1000)

    def text(self) -> bytes:
        return generate_latest(self._registry)
