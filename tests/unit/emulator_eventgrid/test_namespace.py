"""What becomes of events: locks, delays, counts, dead letters, long polls. No HTTP, and no real time."""

import asyncio

import pytest

from emulators.eventgrid.errors import NotFound, QuotaExceeded, StoreError, Unavailable
from emulators.eventgrid.segments import Delivery
from emulators.eventgrid.store import Store, Transaction
from emulators.eventgrid.subscription import TokenFault
from tests.unit.emulator_eventgrid.harness import Grid, contents, ids


async def test_every_subscription_gets_its_own_copy(grid: Grid) -> None:
    await grid.publish("1", "2")
    assert ids(grid.take()) == ["1", "2"]
    assert ids(grid.take(name="audit")) == ["1", "2"]
    assert grid.take() == []


async def test_receive_takes_at_most_what_is_asked(grid: Grid) -> None:
    await grid.publish("1", "2", "3")
    assert ids(grid.take(2)) == ["1", "2"]
    assert ids(grid.take(2)) == ["3"]


async def test_an_acknowledged_event_does_not_come_again(grid: Grid) -> None:
    await grid.publish("1", "2")
    first, second = grid.take()
    outcome = await grid.settle("acknowledge", [first])
    assert outcome.succeeded == [first.token]
    assert not outcome.failed
    grid.advance(61)
    assert ids(grid.take()) == ["2"]
    assert second.count == 2


async def test_a_lock_that_ends_makes_the_event_available_and_its_token_worthless(grid: Grid) -> None:
    await grid.publish("1")
    token = grid.take()[0].token
    grid.advance(59.9)
    assert grid.take() == []
    grid.advance(0.1)
    again = grid.take()
    assert ids(again) == ["1"]
    assert again[0].count == 2
    outcome = await grid.namespace.settle("acknowledge", grid.subscription(), [token])
    assert outcome.failed == [(token, TokenFault.LOST)]


async def test_a_token_is_worthless_when_its_lock_has_ended_even_before_the_timer_ran(grid: Grid) -> None:
    await grid.publish("1")
    taken = grid.take()
    grid.clock.time += 60
    assert (await grid.settle("acknowledge", taken)).failed == [(taken[0].token, TokenFault.LOST)]


async def test_tokens_fail_one_by_one(grid: Grid) -> None:
    await grid.publish("1", "2")
    first, second = (delivery.token for delivery in grid.take())
    tokens = [first, "nonsense", second[:-1] + "f", second, first]
    outcome = await grid.namespace.settle("acknowledge", grid.subscription(), tokens)
    assert outcome.succeeded == [first, second]
    assert outcome.failed == [
        ("nonsense", TokenFault.BAD),
        (second[:-1] + "f", TokenFault.LOST),
        (first, TokenFault.LOST),
    ]


async def test_a_token_is_of_one_subscription(grid: Grid) -> None:
    await grid.publish("1")
    mine, other = grid.take(), grid.take(name="audit")
    assert (await grid.settle("acknowledge", mine, name="audit")).failed == [(mine[0].token, TokenFault.LOST)]
    assert (await grid.settle("acknowledge", other, name="audit")).succeeded


async def test_release_makes_available_at_once(grid: Grid) -> None:
    await grid.publish("1")
    await grid.settle("release", grid.take())
    assert grid.take()[0].count == 2


async def test_release_with_a_delay(grid: Grid) -> None:
    await grid.publish("1")
    await grid.settle("release", grid.take(), delay_s=600)
    grid.advance(599)
    assert grid.take() == []
    grid.advance(1)
    assert grid.take()[0].count == 2


async def test_renewing_starts_the_lock_anew(grid: Grid) -> None:
    await grid.publish("1", "2")
    first, second = grid.take()
    grid.advance(50)
    assert (await grid.settle("renewLock", [first])).succeeded
    grid.advance(50)
    assert ids(grid.take()) == ["2"]
    assert (await grid.settle("acknowledge", [first])).succeeded
    assert second.count == 2


async def test_a_lock_can_be_renewed_for_an_hour(grid: Grid) -> None:
    await grid.publish("1", topic="orders")
    audit = grid.take(name="audit")
    for _ in range(72):
        grid.advance(50)
        assert (await grid.settle("renewLock", audit, name="audit")).succeeded
    grid.advance(50)
    outcome = await grid.settle("renewLock", audit, name="audit")
    assert outcome.failed == [(audit[0].token, TokenFault.WINDOW)]
    assert (await grid.settle("acknowledge", audit, name="audit")).succeeded


async def test_an_event_out_of_deliveries_is_a_dead_letter_as_it_was(grid: Grid) -> None:
    await grid.publish("1")
    before = contents(grid.take(name="audit"))[0]
    for _ in range(2):
        await grid.settle("release", grid.take())
    last = grid.take()
    assert last[0].count == 3
    grid.advance(5)
    await grid.settle("release", last)
    assert grid.take() == []
    dead = contents(grid.take(topic="dead-orders", name="undertaker"))[0]
    assert dead.pop("deadletterproperties") == {
        "deadletterreason": "Maximum delivery attempts was exceeded.",
        "deliveryattempts": 3,
        "deliveryresult": "Event was released.",
        "publishutc": "2027-01-15T08:00:00.000000Z",
        "deliveryattemptutc": "2027-01-15T08:00:00.000000Z",
    }
    assert dead == before


async def test_locks_that_end_count_too(grid: Grid) -> None:
    await grid.publish("1")
    for _ in range(3):
        assert ids(grid.take()) == ["1"]
        grid.advance(60)
    dead = grid.namespace.topics["dead-orders"]
    await grid.namespace.journal.commit()
    assert dead.published == 1
    assert grid.subscription().counters.lock_expired == 3


async def test_rejecting_is_a_dead_letter_at_once(grid: Grid) -> None:
    await grid.publish("1")
    await grid.settle("reject", grid.take())
    dead = contents(grid.take(topic="dead-orders", name="undertaker"))[0]
    assert dead["deadletterproperties"]["deadletterreason"] == "Event was rejected by the client."
    assert dead["deadletterproperties"]["deliveryattempts"] == 1


async def test_the_time_to_live_ends_waiting_and_delayed_events(grid: Grid) -> None:
    await grid.publish("1", "2")
    await grid.settle("release", grid.take(1), delay_s=3600)
    grid.advance(3599)
    await grid.publish("3")
    grid.advance(1)
    assert ids(grid.take()) == ["3"]
    await grid.namespace.journal.commit()
    dead = contents(grid.take(topic="dead-orders", name="undertaker"))
    assert {event["id"]: event["deadletterproperties"]["deliveryattempts"] for event in dead} == {
        "1": 1,
        "2": 0,
    }
    assert {event["deadletterproperties"]["deadletterreason"] for event in dead} == {
        "Event time to live was exceeded."
    }


async def test_a_receiver_never_gets_an_event_past_its_time_to_live(grid: Grid) -> None:
    await grid.publish("1")
    grid.clock.time += 3600
    assert grid.take() == []
    await grid.namespace.journal.commit()
    assert ids(grid.take(topic="dead-orders", name="undertaker")) == ["1"]


async def test_dead_letters_with_nowhere_to_go_can_be_read(grid: Grid) -> None:
    await grid.publish("1")
    await grid.settle("reject", grid.take(name="audit"), name="audit")
    bodies = await grid.namespace.journal.read(lambda store: store.dead_letters("orders", "audit", 10))
    assert len(bodies) == 1
    assert b'"id":"1"' in bodies[0]


async def test_a_topic_without_subscriptions_takes_events_and_forgets_them(grid: Grid) -> None:
    await grid.publish("1", topic="nobody")
    assert grid.namespace.journal.stored_bytes == 0


async def test_what_every_subscription_has_settled_is_gone_from_the_disk(grid: Grid) -> None:
    await grid.publish("1", "2")
    await grid.settle("acknowledge", grid.take(1))
    await grid.settle("acknowledge", grid.take())
    assert len(list(grid.store.segments())) == 1
    await grid.settle("acknowledge", grid.take(name="audit"), name="audit")
    assert not list(grid.store.segments())
    assert not grid.store.settled()
    assert grid.namespace.journal.stored_bytes == 0


async def test_unknown_names(grid: Grid) -> None:
    with pytest.raises(NotFound, match="no topic 'none'"):
        grid.subscription("none", "worker")
    with pytest.raises(NotFound, match="no event subscription 'none'"):
        grid.subscription("orders", "none")


# -- long polls ------------------------------------------------------------------------------------------------


async def test_a_poll_ends_as_soon_as_an_event_comes(grid: Grid) -> None:
    polling = await grid.polling()
    await grid.publish("1")
    assert ids(await polling.result()) == ["1"]


async def test_a_poll_ends_empty_when_its_time_is_over(grid: Grid) -> None:
    polling = await grid.polling(wait_s=10)
    grid.advance(9.9)
    assert not polling.task.done()
    grid.advance(0.1)
    assert await polling.result() == []


async def test_a_poll_sees_released_delayed_and_unlocked_events(grid: Grid) -> None:
    await grid.publish("1")
    taken = grid.take()
    polling = await grid.polling()
    await grid.settle("release", taken)
    taken = await polling.result()
    assert ids(taken) == ["1"]
    polling = await grid.polling()
    await grid.settle("release", taken, delay_s=10)
    grid.advance(10)
    assert ids(await polling.result()) == ["1"]


async def test_polls_are_served_in_turn_and_one_event_wakes_one(grid: Grid) -> None:
    first, second = await grid.polling(limit=1), await grid.polling(limit=1)
    await grid.publish("1")
    assert ids(await first.result()) == ["1"]
    assert not second.task.done()
    await grid.publish("2")
    assert ids(await second.result()) == ["2"]


async def test_one_batch_wakes_as_many_as_it_serves(grid: Grid) -> None:
    polls = [await grid.polling(limit=2) for _ in range(3)]
    await grid.publish("1", "2", "3")
    assert [ids(await poll.result()) for poll in polls[:2]] == [["1", "2"], ["3"]]
    assert not polls[2].task.done()
    grid.advance(60)
    await polls[2].result()


async def test_nothing_is_locked_for_a_caller_that_has_gone(grid: Grid) -> None:
    gone, stays = await grid.polling(), await grid.polling()
    gone.gone.set_result(None)
    assert await gone.result() == []
    await grid.publish("1")
    assert ids(await stays.result()) == ["1"]


async def test_a_caller_that_goes_when_it_is_woken_leaves_the_event_to_the_next(grid: Grid) -> None:
    await grid.publish("1")
    taken = grid.subscription().take(grid.take()[0].token, grid.clock.now())
    assert isinstance(taken, Delivery)
    first, second = await grid.polling(limit=1), await grid.polling(limit=1)
    grid.namespace.returned(grid.subscription(), taken)
    first.gone.set_result(None)
    assert await first.result() == []
    assert ids(await second.result()) == ["1"]


async def test_a_cancelled_poll_takes_nothing(grid: Grid) -> None:
    polling = await grid.polling()
    polling.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling.task
    await grid.publish("1")
    assert ids(grid.take()) == ["1"]


async def test_closing_ends_every_poll(grid: Grid) -> None:
    polling = await grid.polling()
    grid.namespace.end_polls()
    assert await polling.result() == []
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await grid.namespace.receive(grid.subscription(), 1, 60, gone) == []


# -- restarts --------------------------------------------------------------------------------------------------


async def test_a_restart_keeps_what_is_not_settled_and_ends_locks(grid: Grid) -> None:
    await grid.publish("1", "2", "3")
    await grid.publish("4")
    await grid.settle("acknowledge", grid.take(2))
    locked = grid.take(1)
    await grid.reopen()
    assert ids(grid.take()) == ["3", "4"]
    assert ids(grid.take(name="audit")) == ["1", "2", "3", "4"]
    assert (await grid.settle("acknowledge", locked)).failed == [(locked[0].token, TokenFault.LOST)]


async def test_delivery_counts_and_delays_survive_a_restart(grid: Grid) -> None:
    await grid.publish("1", "2", "3")
    first, second, third = grid.take()
    await grid.settle("release", [first])
    await grid.settle("release", [second], delay_s=60)
    await grid.reopen()
    counts = {ids([delivery])[0]: delivery.count for delivery in grid.take()}
    assert counts == {"1": 2, "3": 2}
    grid.advance(60)
    assert "2" in ids(grid.take())
    assert third.count == 1


async def test_a_poison_event_ends_as_a_dead_letter_over_restarts(grid: Grid) -> None:
    await grid.publish("1")
    for _ in range(3):
        await grid.settle("release", grid.take())
        await grid.reopen()
    assert grid.take() == []
    assert ids(grid.take(topic="dead-orders", name="undertaker")) == ["1"]


async def test_a_new_subscription_sees_what_comes_later_and_a_removed_one_takes_its_events(
    grid: Grid,
) -> None:
    await grid.publish("1")
    await grid.reopen({"orders": {"worker": {}, "fresh": {}}, "dead-orders": {"undertaker": {}}})
    await grid.publish("2")
    assert ids(grid.take()) == ["1", "2"]
    assert ids(grid.take(name="fresh")) == ["2"]
    with pytest.raises(NotFound):
        grid.subscription(name="audit")
    await grid.settle("acknowledge", list(grid.subscription().locked.values()))
    await grid.settle("acknowledge", list(grid.subscription(name="fresh").locked.values()), name="fresh")
    assert not list(grid.store.segments())


async def test_numbers_are_not_given_twice(grid: Grid) -> None:
    """A subscription made when the numbers stood at 1 must see what is published after everything went."""
    await grid.publish("1")
    await grid.reopen({"orders": {"worker": {}, "audit": {}, "fresh": {}}, "dead-orders": {}})
    for name in ("worker", "audit"):
        await grid.settle("acknowledge", grid.take(name=name), name=name)
    await grid.reopen()
    await grid.publish("2")
    assert ids(grid.take(name="fresh")) == ["2"]


async def test_a_backlog_of_large_and_small_transactions_comes_back_whole(grid: Grid) -> None:
    await asyncio.gather(*(grid.publish(*(f"{n}-{i}" for i in range(n))) for n in range(1, 60)))
    expected = {f"{n}-{i}" for n in range(1, 60) for i in range(n)}
    taken = grid.take(1000)
    await grid.settle("acknowledge", taken)
    await grid.reopen()
    left = ids(grid.take(10_000))
    assert len(left) == len(set(left)) == len(expected) - 1000
    assert {*left, *ids(taken)} == expected
    assert set(ids(grid.take(10_000, name="audit"))) == expected


# -- limits and faults -----------------------------------------------------------------------------------------


async def test_a_full_namespace_takes_no_more(grid: Grid) -> None:
    await grid.close()
    await grid.open(max_stored_bytes=100)
    await grid.publish("1", "2")
    with pytest.raises(QuotaExceeded):
        await grid.publish("3")
    await grid.settle("acknowledge", grid.take())
    await grid.settle("acknowledge", grid.take(name="audit"), name="audit")
    await grid.publish("3")


async def test_a_disk_that_refuses_loses_and_accepts_nothing(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grid.publish("1")
    taken = grid.take()

    def refuse(_: Transaction) -> None:
        raise StoreError("disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(grid.store, "apply", refuse)
        with pytest.raises(Unavailable, match="disk is full"):
            await grid.publish("2")
        with pytest.raises(Unavailable):
            await grid.settle("acknowledge", taken)
    assert ids(grid.take()) == ["1"]
    assert grid.take(name="audit")[0].count == 1
    await grid.settle("acknowledge", list(grid.subscription().locked.values()))
    await grid.reopen()
    assert grid.take() == []
    assert ids(grid.take(name="audit")) == ["1"]


async def test_reading_dead_letters_from_a_broken_store_is_an_error_not_a_hang(grid: Grid) -> None:
    def broken(_: Store) -> list[bytes]:
        raise RuntimeError("broken")

    with pytest.raises(StoreError, match="broken"):
        await asyncio.wait_for(grid.namespace.journal.read(broken), 5)
    await grid.publish("1")
