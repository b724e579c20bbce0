"""What the handlers need from the outside. Errors are the platform's: SidecarUnavailable where Dapr is behind it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from services.contracts.records import ImageRecord
from services.query.domain import Change, Entry, Page, Position, Query
from services.query.likeness import Alike, Likeness


class Records(Protocol):
    """The records in Dapr state; the key is ``record_key(id)``."""

    async def get(self, key: str) -> tuple[ImageRecord, str] | None:
        """The record and its ETag, or None."""
        ...


class Blobs(Protocol):
    """The pictures' bytes."""

    async def get(self, blob: str) -> bytes | None: ...

    async def presign(self, blob: str, ttl_s: int) -> str:
        """A link that reads the blob for ``ttl_s`` seconds."""
        ...


class Catalogue(Protocol):
    """Every picture there is, for building the index anew: Dapr state has no listing, the blobs have."""

    def ids(self) -> AsyncIterator[str]:
        """Image ids, in no order; one may come twice."""
        ...


class SearchIndex(Protocol):
    """The read model. tests/contract/test_search_index.py is its contract. Raises Unavailable."""

    async def put(self, entry: Entry) -> bool:
        """Write the entry, unless a later version is there. True if what can be found changed by it."""
        ...

    async def remove(self, image_id: str) -> bool:
        """True if it was there."""
        ...

    async def search(self, query: Query, limit: int, after: Position | None = None) -> Page:
        """At most ``limit`` records in the order of ``query.sort`` (ties by id), those behind ``after``."""
        ...

    async def similar(self, of: Likeness, max_distance: int, limit: int) -> list[Alike]:
        """Other pictures with the same bytes, or within so many bits of the hash: the nearest first, then the newest.

        ``max_distance`` is at most likeness.MAX_DISTANCE.
        """
        ...

    async def tags(self, limit: int) -> Mapping[str, int]:
        """The most frequent tags → number of pictures."""
        ...

    async def count(self) -> int:
        """How many pictures are in it."""
        ...

    async def ids(self, after: str = "", limit: int = 1000) -> list[str]:
        """Ids greater than ``after``, ascending."""
        ...

    async def complete(self) -> bool:
        """False until ``mark_complete``: the index began empty and what was there before it is not in it yet."""
        ...

    async def mark_complete(self) -> None: ...


class Changes(Protocol):
    """Tells whoever watches."""

    def publish(self, change: Change) -> None: ...


class Watcher(Protocol):
    """One connected client."""

    @property
    def closed(self) -> bool: ...

    async def next(self, timeout_s: float) -> Change | None:
        """The next change; None if none came in time, or at the end (``closed``)."""
        ...

    def take_lost(self) -> bool:
        """Whether changes were lost to this client since the last call."""
        ...


class Feed(Changes, Protocol):
    """The other side of Changes."""

    def admit(self) -> None:
        """Raises Unavailable if one more client is too many."""
        ...

    def watch(self) -> AbstractContextManager[Watcher]: ...


class Thumbnails(Protocol):
    """Small pictures, made once and kept."""

    async def get(self, record: ImageRecord) -> bytes | None:
        """WebP; None if the blob is gone. Raises UnprocessableContent for what cannot be made small."""
        ...

    async def forget(self, image_id: str) -> None:
        """Remove what is kept of a deleted picture."""
        ...
