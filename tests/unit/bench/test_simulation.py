"""The simulation keeps every picture, and no limit is passed."""

from dataclasses import replace
from random import Random

import pytest

from bench.capacity import demand, plant
from bench.capacity.assumptions import Assumptions, patience
from bench.capacity.demand import Burst
from bench.capacity.plant import Plant
from bench.capacity.simulation import Simulation, run
from bench.sizes import TRIAL, read

ASSUMPTIONS = Assumptions()
LARGE = plant.of(read("large"))
HOUR = 3600


def simulation(of: Plant, *, seed: int = 1, assumptions: Assumptions = ASSUMPTIONS) -> Simulation:
    return Simulation(of, assumptions, patience(), Random(seed))


PLANTS = {
    "large": (LARGE, 45.0),
    "overload": (LARGE, 90.0),
    "storm": (replace(LARGE, min_replicas=100, max_replicas=100), 90.0),
    "outage": (replace(LARGE, outage=(600, 1200)), 40.0),
    "one account": (replace(LARGE, accounts=1, share_per_s=5.0, max_replicas=2), 8.0),
    "from zero": (replace(LARGE, min_replicas=0), 0.05),
    "slow account": (replace(plant.of(read(TRIAL)), share_per_s=2.0), 0.5),
    "bounded": (replace(LARGE, through_per_s=12.5), 30.0),
}


@pytest.mark.parametrize("name", PLANTS)
def test_no_picture_is_lost_or_made(name: str) -> None:
    of, per_s = PLANTS[name]
    one = simulation(of)

    for second in range(HOUR):
        one.step(second, per_s)
        result = one.result
        assert result.arrived == result.done + result.dead + one.inside, second
        if second % 60 == 0:
            assert one.counted() == one.inside, second
    assert result.done > 0
    assert result.times.count == result.done


@pytest.mark.parametrize("name", PLANTS)
def test_vision_never_answers_more_than_it_does(name: str) -> None:
    of, per_s = PLANTS[name]
    result = run(of, demand.steady(per_s), seconds=HOUR)

    accepted = [each.accepted for each in result.seconds]
    assert max(accepted) <= max(1.0, of.vision_calls_per_s)
    assert all(
        sum(accepted[start : start + 60]) <= 60 * of.vision_calls_per_s + 1 for start in range(0, HOUR, 60)
    )
    assert all(each.calls == each.accepted + each.refused or each.accepted == 0 for each in result.seconds)


@pytest.mark.parametrize("name", ["large", "overload", "storm"])
def test_replicas_keep_to_their_share(name: str) -> None:
    of, per_s = PLANTS[name]
    result = run(of, demand.steady(per_s), seconds=HOUR)

    for start in range(0, HOUR, 60):
        minute = result.seconds[start : start + 60]
        gates = max(each.ready for each in minute) * of.accounts
        # One call more for each gate that was idle when the minute began.
        assert sum(each.calls for each in minute) <= gates * (60 * of.share_per_s + 1)


def test_what_is_in_hand_fits_the_handlers() -> None:
    one = simulation(LARGE)

    for second in range(1800):
        one.step(second, 90.0)
        assert one.held <= one.scaler.ready * LARGE.handlers


def test_the_same_seed_gives_the_same_day_and_another_another() -> None:
    rate = demand.steady(20.0)
    first, again = (run(LARGE, rate, seconds=900, seed=7) for _ in range(2))
    other = run(LARGE, rate, seconds=900, seed=8)

    assert [vars(each) for each in first.seconds] == [vars(each) for each in again.seconds]
    assert first.arrived != other.arrived


def test_enough_capacity_leaves_nothing_behind() -> None:
    result = run(LARGE, demand.steady(30.0), seconds=1800, drain_s=600)

    assert (result.done, result.inside, result.dead) == (result.arrived, 0, 0)


def test_too_little_capacity_keeps_vision_busy() -> None:
    result = run(LARGE, demand.steady(90.0), seconds=HOUR)

    later = result.seconds[HOUR // 2 :]
    done = sum(each.done for each in later) / len(later)
    assert done == pytest.approx(LARGE.vision_calls_per_s, rel=0.02)
    assert result.inside > 60_000


def test_in_an_outage_nothing_is_answered_and_afterwards_everything_is() -> None:
    of = replace(LARGE, outage=(600, 1200))
    result = run(of, demand.steady(30.0), seconds=1800, drain_s=3600)

    assert all(each.accepted == 0 for each in result.seconds[600:1200])
    assert result.retried > 0
    assert (result.done, result.dead) == (result.arrived, 0)


def test_an_outage_without_end_makes_dead_letters_of_what_is_delivered() -> None:
    of = replace(LARGE, min_replicas=2, max_replicas=2, outage=(0, 10**9))
    assumptions = replace(ASSUMPTIONS, max_deliveries=2)

    result = run(of, demand.steady(1.0), seconds=2 * HOUR, assumptions=assumptions)

    assert result.done == 0
    assert result.dead > 0
    assert result.arrived == result.dead + result.inside


def test_a_bound_on_what_passes_is_kept() -> None:
    result = run(replace(LARGE, through_per_s=12.5), demand.steady(30.0), seconds=HOUR)

    assert result.done / HOUR <= 12.5
    assert result.done / HOUR == pytest.approx(12.5, rel=0.03)


def test_a_burst_is_a_backlog_that_is_worked_off() -> None:
    burst = Burst(600, 120, 200.0)

    def rate(second: int) -> float:
        return 20.0 + (burst.per_s if burst.start_s <= second < burst.start_s + burst.length_s else 0.0)

    result = run(LARGE, rate, seconds=HOUR)

    assert result.most("backlog") > 10_000
    assert result.seconds[-1].backlog < 1_000


def test_replicas_beyond_visions_rate_only_collect_refusals() -> None:
    fitting = run(LARGE, demand.steady(90.0), seconds=1800)
    many = run(replace(LARGE, min_replicas=240, max_replicas=240), demand.steady(90.0), seconds=1800)

    assert many.total("refused") > 100 * fitting.total("refused")
    assert many.done <= fitting.done * 1.1
