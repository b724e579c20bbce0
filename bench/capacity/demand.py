"""How many pictures come in each second. The same seed gives the same pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from random import Random

from bench.capacity.assumptions import Assumptions
from bench.sizes import DAY_S

HOUR_S = 3600
Rate = Callable[[int], float]
"""Second of the day → pictures a second."""


@dataclass(frozen=True)
class Burst:
    """Further pictures for a while."""

    start_s: int
    length_s: int
    per_s: float


def day(
    mean_per_s: float, assumptions: Assumptions, *, weekday: int | None = 0, burst: Burst | None = None
) -> Rate:
    """A day by the hours' weights, straight lines between the middles of the hours. ``weekday`` None: a mean day."""
    weights = assumptions.hours
    of_week = 1.0 if weekday is None else assumptions.weekdays[weekday]
    scale = mean_per_s * of_week * len(weights) / sum(weights)

    def rate(second: int) -> float:
        position = (second % DAY_S) / HOUR_S - 0.5
        before = int(position // 1)
        share = position - before
        here = weights[before % 24] * (1 - share) + weights[(before + 1) % 24] * share
        extra = burst.per_s if burst and burst.start_s <= second < burst.start_s + burst.length_s else 0.0
        return scale * here + extra

    return rate


def steady(per_s: float) -> Rate:
    """The same at all times."""
    return lambda _: per_s


def poisson(mean: float, random: Random) -> int:
    """A Poisson number; by parts of 20, beyond which exp() of it is no use."""
    count = 0
    while mean > 0:
        part = min(mean, 20.0)
        mean -= part
        limit, product = exp(-part), random.random()
        while product > limit:
            count += 1
            product *= random.random()
    return count
