"""Dapr's subscriptions and the routes that take their deliveries: parse → call → respond."""

import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from cloudevents.core.v1.event import CloudEvent
from dapr.ext.fastapi import DaprApp
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.classifier.handlers import Classifier
from services.classifier.metrics import ClassifierMetrics
from services.classifier.outcomes import Done
from services.contracts.events import BlobCreated, blob_created, parse_event
from services.contracts.names import AppId, Component, Topic, lanes, subscription_metadata
from services.platform.deliveries import deliver, hide_deliveries

log = structlog.get_logger()

Handle = Callable[[CloudEvent, BlobCreated], Awaitable[Done]]


def subscribe(app: FastAPI, classifier: Classifier, metrics: ClassifierMetrics, *, lane_count: int) -> None:
    """Add ``/dapr/subscribe`` and a route for each topic; all lanes share one route."""

    async def created(_: CloudEvent, blob: BlobCreated) -> Done:
        return await classifier.blob_created(blob)

    async def dead(event: CloudEvent, blob: BlobCreated) -> Done:
        attributes = {key: str(value) for key, value in event.get_attributes().items()}
        return await classifier.out_of_deliveries(blob, attributes)

    dapr = DaprApp(app)
    _add(dapr, metrics, Topic.BLOB_CREATED, lanes(Topic.BLOB_CREATED, lane_count), created)
    _add(dapr, metrics, Topic.BLOB_CREATED_DEAD, [Topic.BLOB_CREATED_DEAD], dead)
    hide_deliveries(app)


def _add(
    dapr: DaprApp, metrics: ClassifierMetrics, topic: Topic, dapr_topics: Sequence[str], handle: Handle
) -> None:
    async def route(request: Request) -> JSONResponse:
        started = time.perf_counter()

        async def work() -> Done:
            event = parse_event(await request.body())
            structlog.contextvars.bind_contextvars(event_id=event.get_id())
            blob = blob_created(event)
            structlog.contextvars.bind_contextvars(blob=blob.blob, etag=blob.etag)
            return await handle(event, blob)

        with (
            # A dict that engines write their times into, from tasks of their own too.
            structlog.contextvars.bound_contextvars(topic=str(topic), engine_ms={}),
            metrics.in_flight.labels(topic).track_inprogress(),
        ):
            delivery = await deliver(work)
            log.info(
                "delivery",
                outcome=str(delivery.outcome),
                kind=delivery.kind,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        metrics.deliveries.labels(topic, delivery.outcome, delivery.kind).inc()
        return JSONResponse({"status": delivery.outcome})

    for name in dapr_topics:
        dapr.subscribe(
            pubsub=Component.IMAGE_EVENTS,
            topic=name,
            metadata=subscription_metadata(AppId.CLASSIFIER),
            route=f"/events/{topic}",
        )(route)
