"""Arrivals."""

from random import Random
from statistics import fmean

import pytest

from bench.capacity.assumptions import Assumptions
from bench.capacity.demand import Burst, day, poisson
from bench.sizes import DAY_S

ASSUMPTIONS = Assumptions()


def mean(weekday: int | None) -> float:
    rate = day(10.0, ASSUMPTIONS, weekday=weekday)
    return fmean(rate(second) for second in range(0, DAY_S, 30))


def test_the_week_has_the_months_mean() -> None:
    assert fmean(mean(weekday) for weekday in range(7)) == pytest.approx(10.0, rel=1e-3)
    assert mean(None) == pytest.approx(10.0, rel=1e-3)


def test_the_busiest_hour_is_as_busy_as_is_said() -> None:
    rate = day(10.0, ASSUMPTIONS)
    hours = [fmean(rate(hour * 3600 + second) for second in range(0, 3600, 10)) for hour in range(24)]

    assert max(hours) == pytest.approx(10.0 * ASSUMPTIONS.busiest, rel=0.03)
    assert max(rate(second) for second in range(0, DAY_S, 10)) <= 10.0 * ASSUMPTIONS.busiest * 1.0001


def test_a_burst_comes_on_top() -> None:
    plain = day(10.0, ASSUMPTIONS)
    burst = day(10.0, ASSUMPTIONS, burst=Burst(1000, 60, 100.0))

    assert burst(999) == plain(999)
    assert burst(1000) == plain(1000) + 100.0
    assert burst(1060) == plain(1060)


@pytest.mark.parametrize("expected", [0.3, 5.0, 45.0, 400.0])
def test_poisson_numbers_have_their_mean_and_spread(expected: float) -> None:
    random = Random(3)
    drawn = [poisson(expected, random) for _ in range(4000)]

    assert fmean(drawn) == pytest.approx(expected, rel=0.05)
    assert fmean((each - expected) ** 2 for each in drawn) == pytest.approx(expected, rel=0.1)


def test_nothing_comes_of_nothing() -> None:
    assert poisson(0.0, Random(1)) == 0
