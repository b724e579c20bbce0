"""Replica-seconds of a mean day: the classifier's from the simulation, the others' from what is in flight."""

from dataclasses import dataclass
from functools import cache
from math import ceil, exp

from bench.capacity import demand, plant, simulation
from bench.capacity.assumptions import Assumptions
from bench.costs.habits import Habits
from bench.sizes import DAY_S, App, Size

# Container Apps looks at requests each 15 s and lets a replica go 5 minutes after the last.
LINGER_S = 315


@dataclass(frozen=True)
class ReplicaSeconds:
    """Of one day."""

    ingest: float
    classifier: float
    query: float


@cache
def of_day(size: Size, habits: Habits, assumptions: Assumptions) -> ReplicaSeconds:
    """A mean day of the month."""
    rate = demand.day(size.mean_per_s, assumptions, weekday=None)
    result = simulation.run(plant.of(size), rate, seconds=DAY_S, assumptions=assumptions)
    reads = habits.lookups + habits.searches + habits.views
    return ReplicaSeconds(
        ingest=_by_requests(size.ingest, rate, assumptions.upload_s, 1 / assumptions.batch),
        classifier=float(result.total("replicas")),
        query=_by_requests(size.query, lambda second: rate(second) * reads, assumptions.read_s, 1.0),
    )


def _by_requests(app: App, rate: demand.Rate, seconds_each: float, waves: float) -> float:
    """``waves``: separate moments at which requests come, for each request."""
    total = 0.0
    for second in range(0, DAY_S, 60):
        per_s = rate(second)
        busy = ceil(per_s * seconds_each / app.target)
        awake = 1 - exp(-per_s * waves * LINGER_S)
        total += 60 * (app.min_replicas if busy <= app.min_replicas else min(busy, app.max_replicas) * awake)
    return total
