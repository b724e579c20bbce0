"""Replica-seconds of a mean day: the classifier's from the simulation, the others' from what is in flight."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil, exp
from typing import Final

from bench.capacity import demand, plant, simulation
from bench.capacity.assumptions import Assumptions
from bench.costs.habits import Habits
from bench.operations import SUBSCRIPTIONS
from bench.sizes import DAY_S, App, Size

TO_QUERY: Final = sum("query" in services for services in SUBSCRIPTIONS.values())
"""Deliveries to query for a picture."""

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
    uploading = assumptions.upload_s / size.ingest.target
    reading = reads * assumptions.read_s / size.query.target
    indexing = TO_QUERY * assumptions.index_s / size.handlers
    return ReplicaSeconds(
        ingest=_following(size.ingest, rate, lambda per_s: per_s * uploading, 1 / assumptions.batch),
        classifier=float(result.total("replicas")),
        query=_following(size.query, rate, lambda per_s: per_s * max(reading, indexing), reads),
    )


def _following(app: App, rate: demand.Rate, needed: Callable[[float], float], waves: float) -> float:
    """``needed``: replicas for so many pictures a second. ``waves``: separate moments at which requests come, for each
    picture.
    """
    total = 0.0
    for second in range(0, DAY_S, 60):
        per_s = rate(second)
        busy = ceil(needed(per_s))
        awake = 1 - exp(-per_s * waves * LINGER_S)
        total += 60 * (app.min_replicas if busy <= app.min_replicas else min(busy, app.max_replicas) * awake)
    return total
