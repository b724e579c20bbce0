"""Deliveries of Dapr: what each is answered with, decided here and nowhere else; counting them; subscribing.

Dapr reads the ``status`` of a 200: SUCCESS is done, RETRY comes again, DROP does not. Any other body or status
would be retried at Dapr's discretion, so there is none.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog
from dapr.ext.fastapi import DaprApp
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.contracts.events import NotOurs, UnknownType
from services.contracts.names import AppId, Component, Topic, subscription_metadata
from services.platform.errors import Unavailable

log = structlog.get_logger()


class Outcome(StrEnum):
    SUCCESS = "SUCCESS"
    RETRY = "RETRY"
    DROP = "DROP"


@dataclass(frozen=True)
class Delivery:
    """``kind``: what was done, or the code of what stood in the way; few values, fit for a metric's label."""

    outcome: Outcome
    kind: str


class DeliveryMetrics:
    """``kind`` is a Delivery's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "claimlens_deliveries", "Deliveries answered", ["topic", "outcome", "kind"], registry=registry
        )
        self.in_flight = Gauge(
            "claimlens_deliveries_in_flight", "Deliveries being worked on", ["topic"], registry=registry
        )


Route = Callable[[Request], Awaitable[JSONResponse]]


def subscribe(app: FastAPI, consumer: AppId, topics: Mapping[Topic, tuple[Iterable[str], Route]]) -> None:
    """Add ``/dapr/subscribe``, and for each topic the names that Dapr has for it (its lanes) with their one route."""
    dapr = DaprApp(app)
    for topic, (names, route) in topics.items():
        for name in names:
            dapr.subscribe(
                pubsub=Component.IMAGE_EVENTS,
                topic=name,
                metadata=subscription_metadata(consumer),
                route=f"/events/{topic}",
            )(route)
    for added in app.routes:
        # One path many times; and no business of the API's readers.
        if isinstance(added, APIRoute) and added.path.startswith(("/events/", "/dapr/")):
            added.include_in_schema = False


async def deliver(
    handle: Callable[[], Awaitable[StrEnum]], topic: Topic, metrics: DeliveryMetrics
) -> Delivery:
    """Run a handler, which gives what it did, and name and count its outcome. Never raises, save for cancellation."""
    with metrics.in_flight.labels(topic).track_inprogress():
        delivery = await _outcome(handle)
    metrics.deliveries.labels(topic, delivery.outcome, delivery.kind).inc()
    return delivery


async def _outcome(handle: Callable[[], Awaitable[StrEnum]]) -> Delivery:
    try:
        return Delivery(Outcome.SUCCESS, await handle())
    except NotOurs as error:
        log.info("event dropped", why=str(error))
        return Delivery(Outcome.DROP, "not-ours")
    except UnknownType as error:
        log.warning("delivery is left to a newer version", why=str(error))
        return Delivery(Outcome.RETRY, "unknown-type")
    except Unavailable as error:
        log.warning("delivery will be retried", code=error.code, why=error.detail)
        return Delivery(Outcome.RETRY, error.code)
    except Exception:
        log.exception("unforeseen error; delivery will be retried")
        return Delivery(Outcome.RETRY, "unforeseen")
