"""Long polls: the callers that wait for events of one subscription, first come, first served."""

import asyncio
from collections import deque
from dataclasses import dataclass

from emulators.eventgrid.subscription import NEVER


@dataclass(eq=False)
class Poll:
    """One waiting caller, for at most ``limit`` events, until ``deadline`` (seconds since the epoch).

    ``future`` gives True when it is worth looking for events, False when the wait is over.
    """

    limit: int
    deadline: float
    future: asyncio.Future[bool]

    def wake(self, *, look: bool) -> None:
        if not self.future.done():
            self.future.set_result(look)


class Polls:
    """The queue of waiting callers."""

    def __init__(self) -> None:
        self._waiting: deque[Poll] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, limit: int, deadline: float) -> Poll:
        poll = Poll(limit, deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(poll)
        return poll

    def remove(self, poll: Poll) -> None:
        """Forget a caller that does not wait any more; no matter if it is known."""
        if poll in self._waiting:
            self._waiting.remove(poll)

    def wake(self, available: int) -> None:
        """Wake as many as ``available`` events can serve."""
        while self._waiting and available > 0:
            poll = self._waiting.popleft()
            if not poll.future.done():
                poll.wake(look=True)
                available -= poll.limit

    def expire(self, now: float) -> None:
        for poll in self._waiting:
            if poll.deadline <= now:
                poll.wake(look=False)

    def end(self) -> None:
        """End every wait."""
        for poll in self._waiting:
            poll.wake(look=False)

    def next_deadline(self) -> float:
        """When the first wait ends that has not ended; infinity if none."""
        return min((poll.deadline for poll in self._waiting if not poll.future.done()), default=NEVER)
