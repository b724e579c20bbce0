"""What is seen from outside: Prometheus metrics and logs. Spans are in tracing.py."""

import logging
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
HANDLER_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Every metric of the process, in a registry of its own. Names begin with ``dapr_eventgrid_``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        where = ["instance", "topic", "subscription"]

        def counter(name: str, text: str, labels: list[str]) -> Counter:
            return Counter(f"dapr_eventgrid_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, labels: list[str]) -> Gauge:
            return Gauge(f"dapr_eventgrid_{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, labels: list[str], buckets: tuple[float, ...]) -> Histogram:
            full = f"dapr_eventgrid_{name}"
            return Histogram(full, text, labels, registry=self.registry, buckets=buckets)

        self.received = counter("events_received", "Events received and locked.", where)
        self.acknowledged = counter("events_acknowledged", "Events handled and acknowledged.", where)
        self.released = counter("events_released", "Events given back, by delay.", [*where, "delay_seconds"])
        self.rejected = counter("events_rejected", "Events that are no CloudEvents, rejected.", where)
        self.lost = counter("locks_lost", "Locks that ended before the event was settled.", where)
        self.renewed = counter("locks_renewed", "Locks renewed.", where)
        self.in_flight = gauge("events_in_flight", "Events with a handler now.", where)
        self.buffered = gauge("events_buffered", "Events received that wait for a lane.", where)
        self.lag = gauge(
            "event_lag_seconds", "Age of the newest event received, by its time attribute.", where
        )
        self.lanes = gauge("lanes", "Streams that daprd has open.", where)
        self.handling = histogram(
            "handler_duration_seconds",
            "From handing an event to daprd to its result.",
            where,
            HANDLER_BUCKETS,
        )
        self.published = counter("events_published", "Events published.", ["instance", "topic"])
        self.unpublished = counter(
            "events_publish_failed", "Events not published.", ["instance", "topic", "status"]
        )
        self.waiting = gauge("publish_waiting", "Events that wait for a request.", ["instance", "topic"])
        self.batch = histogram(
            "publish_batch_events", "Events in a publish request.", ["instance", "topic"], BATCH_BUCKETS
        )
        self.calls = histogram(
            "call_duration_seconds", "Calls of Event Grid.", ["instance", "operation", "status"], CALL_BUCKETS
        )
        self.retries = counter("call_retries", "Calls tried again.", ["instance", "operation"])


class Calls:
    """Latency of one instance's calls of Event Grid."""

    def __init__(self, metrics: Metrics, instance: str) -> None:
        self._child = lru_cache(maxsize=256)(
            lambda operation, outcome: metrics.calls.labels(instance, operation, outcome)
        )
        self._retries = metrics.retries
        self._instance = instance

    def observe(self, operation: str, outcome: str, duration_s: float) -> None:
        """A call ended: ``outcome`` is its HTTP status, ``timeout`` or ``error``."""
        self._child(operation, outcome).observe(duration_s)

    def retried(self, operation: str) -> None:
        """A call is going to be tried again."""
        self._retries.labels(self._instance, operation).inc()


@dataclass(slots=True)
class SubscriptionMetrics:
    """The metrics of one subscription, bound to its labels once."""

    metrics: Metrics
    labels: tuple[str, str, str]
    received: Any = field(init=False)
    acknowledged: Any = field(init=False)
    rejected: Any = field(init=False)
    lost: Any = field(init=False)
    renewed: Any = field(init=False)
    in_flight: Any = field(init=False)
    buffered: Any = field(init=False)
    lag: Any = field(init=False)
    lanes: Any = field(init=False)
    handling: Any = field(init=False)

    def __post_init__(self) -> None:
        for name in ("received", "acknowledged", "rejected", "lost", "renewed", "in_flight", "buffered", "lag",
                     "lanes", "handling"):  # fmt: skip
            setattr(self, name, getattr(self.metrics, name).labels(*self.labels))

    def released(self, delay_s: int, count: int) -> None:
        """``count`` events were given back."""
        self.metrics.released.labels(*self.labels, str(delay_s)).inc(count)


def configure_logging(form: str, level: str) -> None:
    """Log to stderr, as JSON lines or readable. Call once, at the start."""
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
