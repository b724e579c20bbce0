"""Replicas: KEDA's rule."""

from dataclasses import replace
from random import Random

from bench.capacity.assumptions import Assumptions
from bench.capacity.scaler import Scaler

ASSUMPTIONS = replace(Assumptions(), cold_start_s=(20,))


def scaler(least: int = 0, most: int = 40, messages: int = 10) -> Scaler:
    return Scaler(ASSUMPTIONS, least=least, most=most, messages_per_replica=messages, random=Random(1))


def replicas(one: Scaler, messages: int, seconds: int, start: int = 0) -> list[int]:
    """At each look, every 30 s."""
    found = []
    for second in range(start, start + seconds):
        one.step(second, messages)
        if second % 30 == 0:
            found.append(one.replicas)
    return found


def test_from_zero_one_first_then_four_then_twice_as_many() -> None:
    assert replicas(scaler(), 1000, 180) == [1, 4, 8, 16, 32, 40]


def test_no_more_than_the_backlog_asks_for() -> None:
    assert replicas(scaler(), 25, 120) == [1, 3, 3, 3]


def test_a_replica_takes_messages_only_after_its_cold_start() -> None:
    one = scaler()

    for second in range(20):
        one.step(second, 5)
        assert (one.ready, one.replicas) == (0, 1)
    one.step(20, 5)
    assert one.ready == 1


def test_replicas_go_when_the_backlog_was_small_for_five_minutes() -> None:
    one = scaler(least=1)
    replicas(one, 80, 300)
    assert one.replicas == 8

    after = replicas(one, 0, 330, start=300)

    assert after[:9] == [8] * 9
    assert after[-1] == 1


def test_a_new_backlog_within_five_minutes_keeps_them() -> None:
    one = scaler(least=1)
    replicas(one, 80, 300)
    replicas(one, 0, 240, start=300)

    assert set(replicas(one, 80, 60, start=540)) == {8}


def test_never_below_the_least_nor_above_the_most() -> None:
    one = scaler(least=2, most=5)

    assert max(replicas(one, 10_000, 300)) == 5
    assert min(replicas(one, 0, 900, start=300)) == 2


def test_those_that_still_start_go_first() -> None:
    slow = replace(ASSUMPTIONS, cold_start_s=(10_000,))
    one = Scaler(slow, least=1, most=40, messages_per_replica=10, random=Random(1))
    replicas(one, 80, 300)
    assert (one.ready, one.replicas) == (1, 8)

    replicas(one, 0, 330, start=300)

    assert (one.ready, one.replicas) == (1, 1)
