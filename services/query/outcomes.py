"""What a delivery is answered with: decided here and nowhere else.

Dapr reads the ``status`` of a 200: SUCCESS is done, RETRY comes again, DROP does not.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from services.contracts.events import NotOurs
from services.platform.errors import Unavailable

log = structlog.get_logger()


class Outcome(StrEnum):
    SUCCESS = "SUCCESS"
    RETRY = "RETRY"
    DROP = "DROP"


class Done(StrEnum):
    """What a handler did with an event that it handled."""

    INDEXED = "indexed"
    REMOVED = "removed"
    KNOWN = "known"
    """The index had it so already."""


@dataclass(frozen=True)
class Delivery:
    """``kind``: what was done, or the code of what stood in the way; few values, fit for a metric's label."""

    outcome: Outcome
    kind: str


async def deliver(handle: Callable[[], Awaitable[Done]]) -> Delivery:
    """Run a handler and name its outcome. Never raises, save for cancellation."""
    try:
        return Delivery(Outcome.SUCCESS, await handle())
    except NotOurs as error:
        log.info("event dropped", why=str(error))
        return Delivery(Outcome.DROP, "not-ours")
    except Unavailable as error:
        log.warning("delivery will be retried", code=error.code, why=error.detail)
        return Delivery(Outcome.RETRY, error.code)
    except Exception:
        log.exception("delivery met an error that was not foreseen; it will be retried")
        return Delivery(Outcome.RETRY, "unforeseen")
