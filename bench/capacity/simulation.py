"""One region's way from the stored blob to the saved result, second by second.

Pictures of the same second with the same past are counted together. A message is either in Service Bus, or takes up a
handler of a replica: waiting for its turn at a Vision account, being looked at, or resting in the sidecar after RETRY.
Turns, pauses and probes are those of services/classifier/gates.py and adapters/pool.py, summed over replicas.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from bench.capacity.assumptions import Assumptions, Patience, patience
from bench.capacity.demand import Rate, poisson
from bench.capacity.plant import Plant
from bench.capacity.scaler import Scaler
from bench.capacity.times import Times


@dataclass(slots=True)
class Group:
    """Pictures that came in the same second. ``since``: when they began to wait for an account; ``attempt``: of this
    delivery, from 0; ``delivery``: from 1.
    """

    arrived: int
    count: int
    delivery: int = 1
    attempt: int = 0
    since: int = 0

    def split(self, count: int) -> "Group":
        """Take some out."""
        self.count -= count
        return Group(self.arrived, count, self.delivery, self.attempt, self.since)


@dataclass
class Second:
    """What happened in one second, and how it stood at its end."""

    arrived: int = 0
    calls: int = 0
    accepted: int = 0
    refused: int = 0
    done: int = 0
    backlog: int = 0
    ready: int = 0
    replicas: int = 0


@dataclass
class Result:
    """``seconds``: one entry each. ``times``: from the stored blob to the saved result."""

    seconds: list[Second] = field(default_factory=list)
    times: Times = field(default_factory=Times)
    arrived: int = 0
    done: int = 0
    dead: int = 0
    released: int = 0
    retried: int = 0
    inside: int = 0

    def total(self, name: str) -> int:
        return sum(getattr(second, name) for second in self.seconds)

    def most(self, name: str) -> int:
        return max((int(getattr(second, name)) for second in self.seconds), default=0)


def run(
    plant: Plant,
    rate: Rate,
    *,
    seconds: int,
    seed: int = 1,
    assumptions: Assumptions | None = None,
    drain_s: int = 0,
) -> Result:
    """Simulate; ``drain_s`` more seconds without arrivals."""
    simulation = Simulation(plant, assumptions or Assumptions(), patience(), Random(seed))
    for second in range(seconds + drain_s):
        simulation.step(second, rate(second) if second < seconds else 0.0)
    return simulation.result


class Simulation:
    """``result`` grows with each ``step``; steps are of consecutive seconds from 0."""

    def __init__(self, plant: Plant, assumptions: Assumptions, retry: Patience, random: Random) -> None:
        self.result = Result()
        self.scaler = Scaler(
            assumptions,
            least=plant.min_replicas,
            most=plant.max_replicas,
            messages_per_replica=plant.messages_per_replica,
            random=random,
        )
        self._plant, self._assumptions, self._retry, self._random = plant, assumptions, retry, random
        self._coming: dict[int, list[Group]] = defaultdict(list)
        self._bus: deque[Group] = deque()
        self._waiting: deque[Group] = deque()
        self._looked_at: dict[int, list[tuple[Group, float]]] = defaultdict(list)
        self._resting: dict[int, list[Group]] = defaultdict(list)
        self._held = 0
        self._in_bus = 0
        self._announced = 0
        self._pauses: dict[int, int] = defaultdict(int)
        self._paused = 0
        self._turns = self._probes = self._allowance = self._passing = self._failing = 0.0
        self._rotation = 0

    @property
    def inside(self) -> int:
        """Pictures that arrived and are neither done nor dead."""
        return self._announced + self._in_bus + self._held

    @property
    def held(self) -> int:
        """Pictures that take up a handler."""
        return self._held

    def counted(self) -> int:
        """The same as ``inside``, by looking into every corner."""
        corners = [*self._coming.values(), self._bus, self._waiting, *self._resting.values()]
        looked_at = (group for groups in self._looked_at.values() for group, _ in groups)
        return sum(group.count for corner in corners for group in corner) + sum(
            group.count for group in looked_at
        )

    def step(self, now: int, per_s: float) -> None:
        told = Second()
        self._arrive(now, per_s, told)
        self.scaler.step(now, self._in_bus + self._held)
        self._finish(now, told)
        self._wake(now)
        self._give_up_waiting(now)
        self._scale_in()
        self._take(now)
        self._call(now, told)
        told.backlog = self._in_bus + self._held
        told.ready, told.replicas = self.scaler.ready, self.scaler.replicas
        self.result.seconds.append(told)
        self.result.inside = self.inside

    def _arrive(self, now: int, per_s: float, told: Second) -> None:
        batch = self._assumptions.batch
        for _ in range(poisson(per_s / batch, self._random) if per_s else 0):
            delay = self._random.choice(self._assumptions.event_delay_s)
            self._coming[now + delay].append(Group(now, batch))
            told.arrived += batch
        self.result.arrived += told.arrived
        self._announced += told.arrived
        for group in self._coming.pop(now, ()):
            self._announced -= group.count
            self._in_bus += group.count
            last = self._bus[-1] if self._bus else None
            if last and (last.arrived, last.delivery) == (group.arrived, 1):
                last.count += group.count
            else:
                self._bus.append(group)

    def _finish(self, now: int, told: Second) -> None:
        for group, took_s in self._looked_at.pop(now, ()):
            self._failing += group.count * self._assumptions.failures
            if failed := int(self._failing):
                self._failing -= failed
                lost = group.split(failed)
                if self._plant.accounts > 1:
                    # The next account is asked.
                    self._waiting.appendleft(lost)
                else:
                    self._rest(now, lost)
            told.done += group.count
            self.result.times.add(took_s, group.count)
            self._held -= group.count
        self.result.done += told.done

    def _wake(self, now: int) -> None:
        for group in self._resting.pop(now, ()):
            group.attempt += 1
            group.since = now
            self._waiting.append(group)

    def _give_up_waiting(self, now: int) -> None:
        while self._waiting and now - self._waiting[0].since > self._assumptions.max_wait_s:
            self._rest(now, self._waiting.popleft())

    def _rest(self, now: int, group: Group) -> None:
        """RETRY: the sidecar waits, or gives the message back."""
        self.result.retried += group.count
        if group.attempt >= self._retry.retries:
            self._give_back(group)
            return
        pause_s = self._retry.pause_s(group.attempt) * (0.5 + self._random.random())
        self._resting[now + max(1, round(pause_s))].append(group)

    def _give_back(self, group: Group) -> None:
        """Service Bus has it at once, before those that came later; or it is a dead letter."""
        self._held -= group.count
        if group.delivery >= self._assumptions.max_deliveries:
            self.result.dead += group.count
            return
        self._in_bus += group.count
        self._bus.appendleft(Group(group.arrived, group.count, group.delivery + 1))

    def _scale_in(self) -> None:
        """What a replica that goes was not asking Vision about is delivered again."""
        surplus = self._held - self.scaler.ready * self._plant.handlers
        for group in self._idle() if surplus > 0 else ():
            if surplus <= 0:
                break
            count = min(surplus, group.count)
            surplus -= count
            self.result.released += count
            self._give_back(group.split(count))
        # Calls that are under way are within the grace time.

    def _idle(self) -> Iterator[Group]:
        resting: Iterable[list[Group]] = list(self._resting.values())
        for groups in resting:
            yield from groups
        yield from reversed(self._waiting)

    def _take(self, now: int) -> None:
        plant = self._plant
        free = self.scaler.ready * plant.handlers - self._held
        if plant.through_per_s is not None:
            self._passing = min(self._passing + plant.through_per_s, plant.through_per_s + 1)
            free = min(free, int(self._passing))
        while free > 0 and self._bus:
            group = self._bus[0]
            count = min(free, group.count)
            taken = self._bus.popleft() if count == group.count else group.split(count)
            taken.since, taken.attempt = now, 0
            self._waiting.append(taken)
            free -= count
            self._in_bus -= count
            self._held += count
            if plant.through_per_s is not None:
                self._passing -= count

    def _call(self, now: int, told: Second) -> None:
        plant = self._plant
        self._paused -= self._pauses.pop(now, 0)
        gates = self.scaler.ready * plant.accounts
        self._allowance = min(self._allowance + plant.vision_calls_per_s, max(plant.vision_calls_per_s, 1.0))
        if plant.outage and plant.outage[0] <= now < plant.outage[1]:
            self._probe(now, gates, told)
            return
        # A gate that was idle lets one call start at once, never two.
        open_gates = max(0, gates - self._paused)
        most = open_gates * max(1.0, plant.share_per_s)
        self._turns = min(self._turns + open_gates * plant.share_per_s, most)
        started = self._started(int(self._turns))
        told.calls = sum(group.count for group in started)
        self._turns -= told.calls
        accepted = min(told.calls, int(self._allowance))
        self._allowance -= accepted
        told.accepted, told.refused = accepted, told.calls - accepted
        turned_away = []
        for group in started:
            count = min(accepted, group.count)
            accepted -= count
            if count < group.count:
                turned_away.append(group)
            if count:
                self._look(now, group if count == group.count else group.split(count))
        self._waiting.extendleft(reversed(turned_away))
        if told.refused:
            until = now + self._assumptions.pause_s
            pausing = min(told.refused, open_gates)
            self._pauses[until] += pausing
            self._paused += pausing

    def _started(self, turns: int) -> list[Group]:
        """The first of those that wait."""
        started = []
        while turns > 0 and self._waiting:
            group = self._waiting[0]
            count = min(turns, group.count)
            started.append(self._waiting.popleft() if count == group.count else group.split(count))
            turns -= count
        return started

    def _look(self, now: int, group: Group) -> None:
        """Spread over Vision's times evenly."""
        times = self._assumptions.vision_s
        each, rest = divmod(group.count, len(times))
        for number in range(len(times)):
            vision_s = times[(number + self._rotation) % len(times)]
            count = each + (number < rest)
            if not count:
                continue
            took = vision_s + self._assumptions.around_s
            part = Group(group.arrived, count, group.delivery, group.attempt, group.since)
            self._looked_at[now + max(1, round(took))].append((part, now - group.arrived + took))
        self._rotation += rest

    def _probe(self, now: int, gates: int, told: Second) -> None:
        """Vision is away: each account gets a call of each replica now and then, and it fails."""
        self._turns = 0.0
        self._probes = min(self._probes + gates / self._assumptions.probe_s, gates)
        for group in self._started(int(self._probes)):
            told.calls += group.count
            self._probes -= group.count
            self._rest(now, group)
