"""What a start finds on disk, put back into the queues.

Locks are not kept: what was not settled is ready again, with the delivery count and the release delay last written
down.
"""

from collections.abc import Mapping, Sequence

from emulators.eventgrid.segments import Delivery, Event, Segment
from emulators.eventgrid.store import Store, Transaction, split_bodies
from emulators.eventgrid.subscription import Subscription


def restore(store: Store, topics: Mapping[str, Sequence[tuple[Subscription, int]]], now: float) -> int:
    """Fill the subscriptions of each topic, given with the number of the last segment they must not see.

    Gives the bytes of the events kept. Segments that nobody waits for are removed.
    """
    settled, attempts = store.settled(), store.attempts()
    marked = {seq for seq, _ in settled} | {seq for seq, _, _ in attempts}
    queues: dict[int, list[Delivery]] = {sub.id: [] for subs in topics.values() for sub, _ in subs}
    orphans: list[int] = []
    kept_bytes = 0
    for row in store.segments():
        segment = Segment(row.seq, row.topic, row.published, len(row.bodies))
        segment.marked = row.seq in marked
        events = [Event(segment, index, body) for index, body in enumerate(split_bodies(row.bodies))]
        for subscription, since in topics.get(row.topic, ()):
            if since >= row.seq:
                continue
            done = segment.done[subscription.id] = settled.get((row.seq, subscription.id), 0)
            for event in events:
                if done >> event.index & 1:
                    continue
                segment.open += 1
                attempt = attempts.get((row.seq, subscription.id, event.index))
                delivery = (
                    Delivery(event, attempt.deliveries, attempt.available_at) if attempt else Delivery(event)
                )
                queues[subscription.id].append(delivery)
        if segment.open:
            kept_bytes += segment.size
        else:
            orphans.append(row.seq)
    if orphans:
        store.apply(Transaction(marked=orphans))
    for subscriptions in topics.values():
        for subscription, _ in subscriptions:
            subscription.offer(queues[subscription.id], now)
    return kept_bytes
