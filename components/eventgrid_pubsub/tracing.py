"""OpenTelemetry spans, joined to the trace that an event carries. Off unless an OTLP endpoint is configured."""

import os
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from components.eventgrid_pubsub.cloudevents import Head, read_head
from components.eventgrid_pubsub.errors import ComponentError, InvalidEvent

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SERVICE_NAME = "dapr-pubsub-azure-eventgrid"
_propagator = TraceContextTextMapPropagator()
Finish = Callable[[str | None], None]


class Tracing:
    """Makes spans with ``tracer``; without one it does nothing, at no cost an event."""

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer
        self.enabled = tracer is not None

    def delivery(self, head: Head, topic: str, subscription: str, count: int) -> Finish | None:
        """A span from handing an event over to its handler's result; call what this gives with the error or None."""
        if not self.enabled:
            return None
        span = self._start(f"process {topic}", SpanKind.CONSUMER, head, topic, "process")
        span.set_attribute("messaging.destination.subscription.name", subscription)
        span.set_attribute("messaging.eventgrid.delivery_count", count)

        def finish(error: str | None) -> None:
            if error is not None:
                span.set_status(Status(StatusCode.ERROR, error))
            span.end()

        return finish

    def publishing(self, event: bytes, topic: str, started_ns: int, error: ComponentError | None) -> None:
        """A span of publishing an event, which began at ``started_ns`` (time.time_ns()) and is over."""
        if not self.enabled:
            return
        try:
            head = read_head(event)
        except InvalidEvent:
            return
        span = self._start(f"publish {topic}", SpanKind.PRODUCER, head, topic, "publish", started_ns)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, str(error)))
        span.end()

    def _start(
        self, name: str, kind: SpanKind, head: Head, topic: str, operation: str, started_ns: int | None = None
    ) -> Any:
        carrier = {"traceparent": head.traceparent or "", "tracestate": head.tracestate or ""}
        return self._tracer.start_span(
            name,
            context=_propagator.extract(carrier),
            kind=kind,
            start_time=started_ns or time.time_ns(),
            attributes={
                "messaging.system": "eventgrid",
                "messaging.operation.type": operation,
                "messaging.destination.name": topic,
                "messaging.message.id": head.id,
            },
        )


def configured() -> tuple[Tracing, Callable[[], None]]:
    """Tracing as the environment has it (the OTEL_* variables), and what to call at the end."""
    if not any(os.environ.get(name) for name in ENDPOINT_VARIABLES):
        return Tracing(), lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", SERVICE_NAME)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider.get_tracer("components.eventgrid_pubsub")), provider.shutdown
