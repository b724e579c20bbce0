"""A record of the calls that came in, for tests: every one of them, answered or not."""

import itertools
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_KEPT = 20_000


@dataclass(slots=True)
class Call:
    """One call. ``status`` is None while it is being answered and 499 when the client left first."""

    number: int
    operation: str
    at: str
    features: list[str] = field(default_factory=list)
    sha256: str | None = None
    url_path: str | None = None
    status: int | None = None
    fault: str | None = None
    duration_ms: float | None = None
    started: float = field(default_factory=time.perf_counter, repr=False)

    def finish(self, status: int) -> None:
        self.status = status
        self.duration_ms = round((time.perf_counter() - self.started) * 1000, 2)

    def as_json(self) -> dict[str, Any]:
        # The link's path only: its query is a signature.
        return {
            name: getattr(self, name)
            for name in (
                "number",
                "at",
                "operation",
                "features",
                "sha256",
                "url_path",
                "status",
                "fault",
                "duration_ms",
            )
        }


class CallLog:
    """The last 20,000 calls, and the count of all."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self.count = 0

    def begin(self, operation: str) -> Call:
        call = Call(next(self._numbers), operation, datetime.now(UTC).isoformat().replace("+00:00", "Z"))
        self._calls.append(call)
        self.count += 1
        return call

    def clear(self) -> None:
        self._calls.clear()
        self.count = 0

    @property
    def in_flight(self) -> int:
        return sum(call.status is None for call in self._calls)

    def as_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "in_flight": self.in_flight,
            "calls": [call.as_json() for call in self._calls],
        }
