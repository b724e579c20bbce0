"""What is on disk, as it is held in memory.

A segment is what one transaction published to one topic: one row, whatever the number of its events. It goes when
every subscription has settled every event in it; until then a bit mask a subscription says what is settled.
"""


class Segment:
    """Events published together. ``done`` maps a subscription's id to the mask of its settled events.

    ``open`` counts deliveries that are not settled; ``marked``: rows beside the segment's own exist on disk.
    """

    __slots__ = ("done", "marked", "open", "published", "seq", "size", "topic")

    def __init__(self, seq: int, topic: str, published: float, size: int) -> None:
        self.seq = seq
        self.topic = topic
        self.published = published
        self.size = size
        self.open = 0
        self.done: dict[int, int] = {}
        self.marked = False

    def settle(self, subscription_id: int, index: int) -> None:
        self.done[subscription_id] = self.done.get(subscription_id, 0) | (1 << index)
        self.open -= 1

    def unsettle(self, subscription_id: int, index: int) -> None:
        self.done[subscription_id] &= ~(1 << index)
        self.open += 1


class Event:
    """One accepted event: its JSON as it is handed out, and its place."""

    __slots__ = ("body", "index", "segment")

    def __init__(self, segment: Segment, index: int, body: bytes) -> None:
        self.segment = segment
        self.index = index
        self.body = body


class Delivery:
    """One event on its way to one subscription.

    ``count``: deliveries so far. Times are seconds since the epoch; ``first_locked`` and ``attempted`` are 0.0
    before the first delivery; ``available_at`` is in the future while a release delays it.
    """

    __slots__ = ("attempted", "available_at", "count", "event", "first_locked", "lock_until", "token")

    def __init__(self, event: Event, count: int = 0, available_at: float = 0.0) -> None:
        self.event = event
        self.count = count
        self.token = ""
        self.lock_until = 0.0
        self.first_locked = 0.0
        self.attempted = 0.0
        self.available_at = available_at
