"""Dapr's subscriptions and the routes that take their deliveries: parse → call → respond."""

from collections.abc import Awaitable, Callable

import structlog
from cloudevents.core.v1.event import CloudEvent
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.contracts.events import (
    ImageEventType,
    NotOurs,
    UnknownType,
    blob_created,
    image_event_data,
    parse_event,
)
from services.contracts.names import AppId, Topic, lanes
from services.platform import deliveries
from services.platform.deliveries import Route, deliver
from services.query.handlers import Projection
from services.query.metrics import QueryMetrics
from services.query.outcomes import Done

Handle = Callable[[CloudEvent], Awaitable[Done]]


def subscribe(app: FastAPI, projection: Projection, metrics: QueryMetrics, *, lane_count: int) -> None:
    """Add ``/dapr/subscribe`` and a route for each topic; all lanes share one route."""

    async def created(event: CloudEvent) -> Done:
        try:
            blob = blob_created(event)
        except UnknownType as error:
            # The classifier's; a record that it changes is announced on the other topic.
            raise NotOurs(str(error)) from error
        return await projection.blob_created(blob)

    async def changed(event: CloudEvent) -> Done:
        deleted = event.get_type() == ImageEventType.DELETED
        return await projection.image_event(image_event_data(event), deleted=deleted)

    routes = {Topic.BLOB_CREATED: created, Topic.IMAGE_CLASSIFIED: changed}
    deliveries.subscribe(
        app,
        AppId.QUERY,
        {
            topic: (lanes(topic, lane_count), _route(metrics, topic, handle))
            for topic, handle in routes.items()
        },
    )


def _route(metrics: QueryMetrics, topic: Topic, handle: Handle) -> Route:
    async def route(request: Request) -> JSONResponse:
        async def work() -> Done:
            event = parse_event(await request.body())
            with structlog.contextvars.bound_contextvars(event_id=event.get_id()):
                return await handle(event)

        with structlog.contextvars.bound_contextvars(topic=str(topic)):
            delivery = await deliver(work, topic, metrics)
        return JSONResponse({"status": delivery.outcome})

    return route
