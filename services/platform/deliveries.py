"""What a delivery is answered with: decided here and nowhere else.

Dapr reads the ``status`` of a 200: SUCCESS is done, RETRY comes again, DROP does not. Any other body or status
would be retried at Dapr's discretion, so there is none.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.contracts.events import NotOurs, UnknownType
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


async def deliver(handle: Callable[[], Awaitable[StrEnum]]) -> Delivery:
    """Run a handler, which gives what it did, and name its outcome. Never raises, save for cancellation."""
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


def hide_deliveries(app: FastAPI) -> None:
    """Keep Dapr's routes out of the OpenAPI document: each is there once a lane, and no business of its readers."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path.startswith(("/events/", "/dapr/")):
            route.include_in_schema = False
