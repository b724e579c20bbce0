"""Faults on order: the next calls fail, stall, or answer nonsense, as a test asked."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

UNTIL_CLEARED = -1


class Fault(BaseModel):
    """What happens to the next ``count`` calls (-1: to all until cleared).

    ``status``: answer it, with ``Retry-After`` if ``retry_after`` (seconds) is given. ``garbage``: 200 with a
    body that is not JSON. ``hang``: no answer until the faults are cleared. ``delay_s``: wait first, then do the
    above, or answer as usual if nothing else is given.
    """

    model_config = ConfigDict(extra="forbid")

    status: Annotated[int, Field(ge=400, le=599)] | None = None
    retry_after: Annotated[float, Field(ge=0)] | None = None
    garbage: bool = False
    hang: bool = False
    delay_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    count: Annotated[int, Field(ge=UNTIL_CLEARED)] = 1

    @model_validator(mode="after")
    def _something(self) -> "Fault":
        if not (self.status or self.garbage or self.hang or self.delay_s):
            raise ValueError("a fault needs one of status, garbage, hang or delay_s")
        if self.count == 0:
            raise ValueError("count is at least 1, or -1 for until cleared")
        return self

    @property
    def name(self) -> str:
        return (
            "hang"
            if self.hang
            else "garbage"
            if self.garbage
            else str(self.status or f"delay {self.delay_s} s")
        )


@dataclass(slots=True)
class _Pending:
    fault: Fault
    left: int


class Faults:
    """Faults in the order in which they were ordered; each call takes at most one."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []
        self._cleared = asyncio.Event()
        self.closed = False

    def close(self) -> None:
        """The emulator is ending: let go what hangs or waits; it is refused."""
        self.closed = True
        self.clear()

    def order(self, fault: Fault) -> None:
        self._pending.append(_Pending(fault, fault.count))

    def clear(self) -> None:
        """Forget all of them and let go what hangs or waits."""
        self._pending.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def take(self) -> Fault | None:
        if not self._pending:
            return None
        first = self._pending[0]
        if first.left != UNTIL_CLEARED:
            first.left -= 1
            if first.left == 0:
                self._pending.pop(0)
        return first.fault

    async def stall(self, fault: Fault) -> None:
        """Wait as long as ``fault`` says, or until the faults are cleared."""
        try:
            async with asyncio.timeout(None if fault.hang else fault.delay_s):
                await self._cleared.wait()
        except TimeoutError:
            return

    def as_json(self) -> list[dict[str, object]]:
        return [{**p.fault.model_dump(exclude_defaults=True), "count": p.left} for p in self._pending]
