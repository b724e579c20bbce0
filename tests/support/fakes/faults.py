"""Faults that a fake shows when it is told to."""

from collections import Counter

from services.platform.errors import SidecarUnavailable


class Faults:
    """Decides which calls of a fake fail with SidecarUnavailable; ``calls`` has the names of all, in order.

    A call fails *before* it does anything, as with a sidecar that is away; or *after* it was done, as with an
    answer that came too late.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.down = False
        self._before: set[tuple[str, int]] = set()
        self._after: set[tuple[str, int]] = set()
        self._count: Counter[str] = Counter()

    def fail_nth(self, nth: int, operation: str = "*", *, after: bool = False) -> None:
        """Fail the ``nth`` call (1: the next one) of ``operation``, or of any operation."""
        (self._after if after else self._before).add((operation, self._count[operation] + nth))

    def count(self, operation: str) -> int:
        """How many calls of this operation there were; ``*`` for all."""
        return self._count[operation]

    def before(self, operation: str) -> None:
        """Called by the fake as it begins."""
        self.calls.append(operation)
        self._count[operation] += 1
        self._count["*"] += 1
        if self.down or self._hit(self._before, operation):
            raise SidecarUnavailable(f"{operation}: the fake is away")

    def after(self, operation: str) -> None:
        """Called by the fake when it has done what was asked."""
        if self._hit(self._after, operation):
            raise SidecarUnavailable(f"{operation}: no answer in time")

    def _hit(self, planned: set[tuple[str, int]], operation: str) -> bool:
        return bool({(name, self._count[name]) for name in (operation, "*")} & planned)
