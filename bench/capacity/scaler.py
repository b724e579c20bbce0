"""Replicas of the classifier: KEDA's rule, its steps, cold starts and scale-in."""

from collections import deque
from math import ceil
from random import Random

from bench.capacity.assumptions import Assumptions


class Scaler:
    """``ready`` replicas take messages; ``starting`` ones are paid for already."""

    def __init__(
        self, assumptions: Assumptions, *, least: int, most: int, messages_per_replica: int, random: Random
    ) -> None:
        self.ready = least
        self._assumptions = assumptions
        self._least, self._most, self._target = least, most, messages_per_replica
        self._random = random
        self._starting: list[int] = []
        self._wanted: deque[int] = deque(maxlen=max(1, assumptions.cooldown_s // assumptions.polling_s))

    @property
    def replicas(self) -> int:
        return self.ready + len(self._starting)

    def step(self, second: int, active_messages: int) -> None:
        """To be called each second."""
        if self._starting:
            due = [at for at in self._starting if at <= second]
            if due:
                self.ready += len(due)
                self._starting = [at for at in self._starting if at > second]
        if second % self._assumptions.polling_s == 0:
            self._look(second, active_messages)

    def _look(self, second: int, active_messages: int) -> None:
        wanted = min(max(ceil(active_messages / self._target), self._least), self._most)
        self._wanted.append(wanted)
        now = self.replicas
        if wanted > now:
            first, second_step = self._assumptions.steps
            reachable = first if now == 0 else max(second_step, 2 * now)
            for _ in range(min(wanted, reachable) - now):
                self._starting.append(second + self._random.choice(self._assumptions.cold_start_s))
        elif len(self._wanted) == self._wanted.maxlen and (kept := max(self._wanted)) < now:
            # Those that are still starting go first.
            surplus = now - kept
            starting = min(surplus, len(self._starting))
            if starting:
                self._starting = sorted(self._starting)[:-starting]
            self.ready -= surplus - starting
