"""What is simulated for docs/capacity.md."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.capacity import demand, plant
from bench.capacity.assumptions import Assumptions
from bench.capacity.demand import HOUR_S, Burst, Rate
from bench.capacity.plant import Plant
from bench.sizes import DAY_S, Size

MANY = 240
"""Replicas of the classifier, where more than 200 are shown."""

LATER = 150
"""Messages for each replica: what one of size large works off between two looks at the backlog."""

BURST_S, BURST_FACTOR = 600, 10
OUTAGE_S = 600
GOAL_P95_S, GOAL_OUTAGE_DEAD = 60.0, 0


@dataclass(frozen=True)
class Scenario:
    name: str
    text: str
    plant: Plant
    rate: Rate
    seconds: int = DAY_S


def days(sizes: list[Size], assumptions: Assumptions) -> Iterator[Scenario]:
    """The busiest day of the week at each size, as deployed."""
    for size in sizes:
        rate = demand.day(size.mean_per_s, assumptions)
        yield Scenario(size.name, f"{size.name}, a Monday", plant.of(size), rate)


def trouble(large: Size, assumptions: Assumptions) -> Iterator[Scenario]:
    """The same day at size large, with something out of the ordinary."""
    as_is = plant.of(large)
    rate = demand.day(large.mean_per_s, assumptions)
    burst = Burst(11 * HOUR_S, BURST_S, BURST_FACTOR * large.mean_per_s)
    yield Scenario(
        "burst",
        f"large, and from 11:00 for {BURST_S // 60} minutes {BURST_FACTOR} times the month's mean besides",
        as_is,
        demand.day(large.mean_per_s, assumptions, burst=burst),
    )
    begins = 10 * HOUR_S + HOUR_S // 2
    yield Scenario(
        "outage",
        f"large, and Vision away from 10:30 for {OUTAGE_S // 60} minutes",
        replace(as_is, outage=(begins, begins + OUTAGE_S)),
        rate,
    )
    yield Scenario(
        "later",
        f"large, one replica for each {LATER} messages instead of {as_is.messages_per_replica} "
        "(`messageCount` of the scale rule)",
        replace(as_is, messages_per_replica=LATER),
        rate,
    )


def many(
    large: Size, assumptions: Assumptions, *, bus_per_s: float, state_per_s: float
) -> Iterator[Scenario]:
    """An hour of steady load on 240 replicas. ``bus_per_s``, ``state_per_s``: pictures that Service Bus Standard and
    Cosmos DB's throughput let pass.
    """
    as_is = plant.of(large)
    share = as_is.share_per_s * as_is.accounts
    fixed = replace(as_is, min_replicas=MANY, max_replicas=MANY)
    fitted = replace(fixed, share_per_s=as_is.vision_calls_per_s / MANY / as_is.accounts)
    busiest = large.mean_per_s * assumptions.busiest
    yield Scenario(
        "many-article",
        f"{MANY} replicas with one handler each, shares fitted to 6 accounts; the busiest hour's {busiest:.0f}/s",
        replace(fitted, handlers=1),
        demand.steady(busiest),
        HOUR_S,
    )
    yield Scenario(
        "many-overload",
        f"{MANY} replicas with the shares of 12, 6 accounts; 80/s",
        fixed,
        demand.steady(80.0),
        HOUR_S,
    )
    yield Scenario(
        "many-fitted",
        f"{MANY} replicas with shares fitted to 6 accounts; 80/s",
        fitted,
        demand.steady(80.0),
        HOUR_S,
    )
    accounts = round(MANY * share / as_is.account_calls_per_s)
    wide = replace(as_is, accounts=accounts, share_per_s=share / accounts, max_replicas=MANY)
    load = demand.steady(1000.0)
    text = f"{MANY} replicas, {accounts} accounts; 1,000/s"
    yield Scenario(
        "many-bus", f"{text}; Service Bus Standard", replace(wide, through_per_s=bus_per_s), load, HOUR_S
    )
    yield Scenario(
        "many-state",
        f"{text}; Service Bus Premium, Cosmos DB as it is",
        replace(wide, through_per_s=state_per_s),
        load,
        HOUR_S,
    )
    yield Scenario("many-free", f"{text}; both raised", wide, load, HOUR_S)
