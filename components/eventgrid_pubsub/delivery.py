"""An event in the component's hands: received, locked, not yet settled."""

from collections.abc import Callable
from typing import Any


class Delivery:
    """One locked event.

    ``body`` is the event as Event Grid wrote it, ``head`` its attributes, ``locked_until`` the end of the lock
    (time.monotonic()), ``lost`` whether the lock is known to have ended: such an event is settled no more.
    ``finish`` ends the event's span.
    """

    __slots__ = ("body", "count", "dispatched", "event_id", "finish", "head", "locked_until", "lost", "token")

    def __init__(
        self, token: str, event_id: str, count: int, body: bytes, locked_until: float, head: Any
    ) -> None:
        self.token = token
        self.event_id = event_id
        self.count = count
        self.body = body
        self.locked_until = locked_until
        self.head = head
        self.lost = False
        self.dispatched = 0.0
        self.finish: Callable[[str | None], None] | None = None
