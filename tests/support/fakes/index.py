"""A search index and a catalogue in memory."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping

from services.query.domain import FACET_SIZE, Entry, Facets, Page, Position, Query, SortValue
from services.query.likeness import Alike, Likeness, apart
from tests.support.fakes.faults import Faults


class FakeIndex:
    """Words are compared as they are: no stems, no folding of accents."""

    def __init__(self, *, complete: bool = True) -> None:
        self.faults = Faults()
        self.entries: dict[str, Entry] = {}
        self._complete = complete

    async def put(self, entry: Entry) -> bool:
        async with self.faults.call("put"):
            there = self.entries.get(entry.id)
            if there and (there.version > entry.version or there.record == entry.record):
                return False
            self.entries[entry.id] = entry
        return True

    async def remove(self, image_id: str) -> bool:
        async with self.faults.call("remove"):
            return self.entries.pop(image_id, None) is not None

    async def search(self, query: Query, limit: int, after: Position | None = None) -> Page:
        async with self.faults.call("search"):
            found = [entry for entry in self.entries.values() if _matches(entry, query)]
        found.sort(key=lambda entry: (entry.sort_value(query.sort), entry.id), reverse=query.sort.descending)
        rest = found
        if after is not None:
            here = (after.value, after.id)
            rest = [
                entry for entry in found if _beyond((entry.sort_value(query.sort), entry.id), here, query)
            ]
        shown = rest[:limit]
        last = shown[-1] if len(rest) > limit else None
        return Page(
            [entry.record for entry in shown],
            Position(last.sort_value(query.sort), last.id) if last else None,
            len(found),
            Facets(
                _count(entry.tags for entry in found),
                _count(entry.labels for entry in found),
                _count([str(entry.status)] for entry in found),
            ),
        )

    async def similar(self, of: Likeness, max_distance: int, limit: int) -> list[Alike]:
        async with self.faults.call("similar"):
            others = [entry for entry in self.entries.values() if entry.id != of.id]
        others.sort(key=lambda entry: (entry.received_at, entry.id), reverse=True)
        measured = [(apart(of, entry.sha256, entry.phash), entry.record) for entry in others]
        near = [Alike(bits, text) for bits, text in measured if bits is not None and bits <= max_distance]
        return sorted(near, key=lambda each: each.distance)[:limit]

    async def tags(self, limit: int) -> Mapping[str, int]:
        async with self.faults.call("tags"):
            return _count((entry.tags for entry in self.entries.values()), limit)

    async def count(self) -> int:
        async with self.faults.call("count"):
            return len(self.entries)

    async def ids(self, after: str = "", limit: int = 1000) -> list[str]:
        async with self.faults.call("ids"):
            return sorted(identifier for identifier in self.entries if identifier > after)[:limit]

    async def complete(self) -> bool:
        async with self.faults.call("complete"):
            return self._complete

    async def mark_complete(self) -> None:
        async with self.faults.call("mark_complete"):
            self._complete = True


class FakeCatalogue:
    """``listed``: what there is a blob for."""

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self.faults = Faults()
        self.listed = list(listed)

    async def ids(self) -> AsyncIterator[str]:
        for identifier in list(self.listed):
            async with self.faults.call("ids"):
                pass
            yield identifier


def _matches(entry: Entry, query: Query) -> bool:
    least = query.min_confidence or 0.0
    named = bool(query.tags or query.labels)
    return (
        (query.text is None or _has_words(entry, query))
        and all(entry.tags.get(tag, -1.0) >= least for tag in query.tags)
        and all(entry.labels.get(label, -1.0) >= least for label in query.labels)
        and (named or query.min_confidence is None or entry.confidence >= least)
        and query.claim_id in (None, entry.claim_id)
        and query.status in (None, entry.status)
        and query.needs_review in (None, entry.needs_review)
        and (query.received_from is None or entry.received_at >= query.received_from)
        and (query.received_before is None or entry.received_at < query.received_before)
    )


def _has_words(entry: Entry, query: Query) -> bool:
    fields = [entry.caption, *entry.tags, *entry.labels, entry.text, entry.claim_id or ""]
    # A space on both sides of every word: a word of the query is then found whole, or with its beginning.
    text = " ".join(["", *(word for field in fields for word in _split(field)), ""])
    words = [" ".join(["", *_split(word)]) for word in query.words]
    return bool(words) and words[-1] in text and all(f"{word} " in text for word in words[:-1])


def _split(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _beyond(value: tuple[SortValue, str], here: tuple[SortValue, str], query: Query) -> bool:
    return value < here if query.sort.descending else value > here


def _count(names: Iterable[Iterable[str]], limit: int = FACET_SIZE) -> dict[str, int]:
    counted = Counter(name for some in names for name in some)
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])
