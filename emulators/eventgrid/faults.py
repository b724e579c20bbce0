"""Faults that a test asked for: the next calls of an operation fail, before or after they took effect."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from emulators.eventgrid.errors import BadRequest, InjectedFault

OPERATIONS = ("publish", "receive", "acknowledge", "release", "reject", "renewLock")
_CODES = {401: "Unauthorized", 403: "Forbidden", 404: "ResourceNotFound", 429: "TooManyRequests",
          500: "InternalServerError", 503: "ServerBusy", 504: "GatewayTimeout"}  # fmt: skip


class HangUp(Exception):
    """Close the connection without a whole answer."""


@dataclass
class Fault:
    """``count`` calls of ``operation`` (``*``: any; only of ``topic`` and ``subscription`` if given) are delayed
    by ``delay_s`` and, if ``status`` is given, fail with it: ``after`` the request took effect, or before.
    ``hang_up``: the connection is closed in the middle of the answer instead."""

    operation: str
    status: int | None = None
    count: int = 1
    after: bool = False
    retry_after: int | None = None
    delay_s: float = 0.0
    topic: str | None = None
    subscription: str | None = None
    code: str | None = None
    hang_up: bool = False

    @property
    def fails(self) -> bool:
        """Not only a delay."""
        return self.hang_up or self.status is not None

    def matches(self, operation: str, topic: str, subscription: str | None) -> bool:
        return (
            self.operation in (operation, "*")
            and self.topic in (topic, None)
            and self.subscription in (subscription, None)
        )

    def error(self) -> InjectedFault | HangUp:
        if self.hang_up:
            return HangUp()
        status = self.status or 500
        code = self.code or _CODES.get(status, "InjectedFault")
        return InjectedFault(status, code, f"Injected fault: {status}.", self.retry_after)


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []
        self.injected: Counter[str] = Counter()

    def add(self, document: Any) -> Fault:
        """Add one as JSON describes it. Raises BadRequest that names the field."""
        fault = _parse(document)
        self.pending.append(fault)
        return fault

    def clear(self) -> None:
        self.pending.clear()

    def take(self, operation: str, topic: str, subscription: str | None) -> Fault | None:
        """The fault for this call, if there is one; it is used up by one."""
        for fault in self.pending:
            if fault.matches(operation, topic, subscription):
                fault.count -= 1
                if fault.count <= 0:
                    self.pending.remove(fault)
                self.injected[operation] += 1
                return fault
        return None

    def describe(self) -> dict[str, Any]:
        return {"pending": [asdict(fault) for fault in self.pending], "injected": dict(self.injected)}


def _parse(document: Any) -> Fault:
    if not isinstance(document, dict):
        raise BadRequest("A fault is a JSON object.")
    unknown = document.keys() - Fault.__dataclass_fields__.keys()
    if unknown:
        raise BadRequest(f"Unknown {sorted(unknown)}; allowed are {list(Fault.__dataclass_fields__)}.")
    if document.get("operation") not in (*OPERATIONS, "*"):
        raise BadRequest(f"operation must be one of {', '.join(OPERATIONS)} or *.")
    fault = Fault(**document)
    if fault.status is not None and not (_is_int(fault.status) and 400 <= fault.status <= 599):
        raise BadRequest("status must be a number from 400 to 599, or null for a delay only.")
    if not (_is_int(fault.count) and fault.count >= 1):
        raise BadRequest("count must be a number from 1.")
    if fault.retry_after is not None and not _is_int(fault.retry_after):
        raise BadRequest("retry_after must be a whole number of seconds.")
    if isinstance(fault.delay_s, bool) or not isinstance(fault.delay_s, (int, float)) or fault.delay_s < 0:
        raise BadRequest("delay_s must be a number of seconds.")
    if not isinstance(fault.after, bool) or not isinstance(fault.hang_up, bool):
        raise BadRequest("after and hang_up must be true or false.")
    return fault


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
