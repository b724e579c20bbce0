"""Documents in memory: what ``services.platform.dapr.state.Documents`` does with a real store."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from services.contracts.records import ImageRecord
from tests.support.fakes.faults import Faults

T = TypeVar("T", bound=BaseModel)


@dataclass
class Stored:
    text: str
    etag: str
    expires: float | None


class FakeDocuments(Generic[T]):
    """ETags, first write, time to live. ``clock`` gives seconds; documents are kept as JSON text, so none is shared.

    Like state.sqlite, a guarded replace or delete of a document that is not there is a lost race: False.
    """

    def __init__(self, kind: type[T], clock: Callable[[], float] = time.monotonic) -> None:
        self.faults = Faults()
        self._kind = kind
        self._clock = clock
        self._stored: dict[str, Stored] = {}
        self._version = 0

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        return [key for key in self._stored if self._live(key)]

    def peek(self, key: str) -> T:
        """The document, without counting as a call. Raises KeyError."""
        return self._kind.model_validate_json(self._stored[key].text)

    def seed(self, key: str, document: T) -> str:
        """Put a document there, whatever was; gives its ETag."""
        return self._put(key, document, None)

    async def get(self, key: str) -> tuple[T, str] | None:
        async with self.faults.call("get"):
            stored = self._live(key)
        return (self._kind.model_validate_json(stored.text), stored.etag) if stored else None

    async def create(self, key: str, document: T, *, ttl_s: int | None = None) -> bool:
        async with self.faults.call("create"):
            created = self._live(key) is None
            if created:
                self._put(key, document, ttl_s)
        return created

    async def replace(self, key: str, document: T, etag: str) -> bool:
        async with self.faults.call("replace"):
            stored = self._live(key)
            replaced = stored is not None and stored.etag == etag
            if replaced:
                self._put(key, document, None)
        return replaced

    async def delete(self, key: str, etag: str | None = None) -> bool:
        async with self.faults.call("delete"):
            stored = self._live(key)
            deleted = etag is None or (stored is not None and stored.etag == etag)
            if deleted:
                self._stored.pop(key, None)
        return deleted

    def _live(self, key: str) -> Stored | None:
        stored = self._stored.get(key)
        if stored is None or (stored.expires is not None and stored.expires <= self._clock()):
            return None
        return stored

    def _put(self, key: str, document: T, ttl_s: int | None) -> str:
        self._version += 1
        expires = None if ttl_s is None else self._clock() + ttl_s
        self._stored[key] = Stored(document.model_dump_json(), f"etag-{self._version}", expires)
        return self._stored[key].etag


class FakeRecords(FakeDocuments[ImageRecord]):
    """The records' store."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(ImageRecord, clock)
