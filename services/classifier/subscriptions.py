"""Dapr's subscriptions and the routes that take their deliveries: parse → call → respond."""

import time
from collections.abc import Awaitable, Callable

import structlog
from cloudevents.core.v1.event import CloudEvent
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.classifier.handlers import Classifier
from services.classifier.metrics import ClassifierMetrics
from services.classifier.outcomes import Done
from services.contracts.events import BlobCreated, blob_created, parse_event
from services.contracts.names import AppId, Topic, lanes
from services.platform import deliveries
from services.platform.deliveries import Route, deliver

log = structlog.get_logger()

Handle = Callable[[CloudEvent, BlobCreated], Awaitable[Done]]


def subscribe(app: FastAPI, classifier: Classifier, metrics: ClassifierMetrics, *, lane_count: int) -> None:
    """Add ``/dapr/subscribe`` and a route for each topic; all lanes share one route."""

    async def created(_: CloudEvent, blob: BlobCreated) -> Done:
        return await classifier.blob_created(blob)

    async def dead(event: CloudEvent, blob: BlobCreated) -> Done:
        attributes = {key: str(value) for key, value in event.get_attributes().items()}
        return await classifier.out_of_deliveries(blob, attributes)

    dead_topic = Topic.BLOB_CREATED_DEAD
    deliveries.subscribe(
        app,
        AppId.CLASSIFIER,
        {
            Topic.BLOB_CREATED: (
                lanes(Topic.BLOB_CREATED, lane_count),
                _route(metrics, Topic.BLOB_CREATED, created),
            ),
            dead_topic: ([dead_topic], _route(metrics, dead_topic, dead)),
        },
    )


def _route(metrics: ClassifierMetrics, topic: Topic, handle: Handle) -> Route:
    async def route(request: Request) -> JSONResponse:
        started = time.perf_counter()

        async def work() -> Done:
            event = parse_event(await request.body())
            structlog.contextvars.bind_contextvars(event_id=event.get_id())
            blob = blob_created(event)
            structlog.contextvars.bind_contextvars(blob=blob.blob, etag=blob.etag)
            return await handle(event, blob)

        # A dict that engines write their times into, from tasks of their own too.
        with structlog.contextvars.bound_contextvars(topic=str(topic), engine_ms={}):
            delivery = await deliver(work, topic, metrics)
            log.info(
                "delivery",
                outcome=str(delivery.outcome),
                kind=delivery.kind,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return JSONResponse({"status": delivery.outcome})

    return route
