"""Documents in a Dapr state store, guarded by ETags."""

from typing import Generic, TypeVar

from dapr.clients.grpc._state import Concurrency, Consistency, StateOptions
from pydantic import BaseModel

from services.platform.dapr.sidecar import EtagMismatch, Sidecar

T = TypeVar("T", bound=BaseModel)

_FIRST_WRITE = StateOptions(concurrency=Concurrency.first_write, consistency=Consistency.strong)
_JSON = {"contentType": "application/json"}


class Documents(Generic[T]):
    """JSON documents of one kind in one store; the key is the caller's. Raises SidecarUnavailable."""

    def __init__(self, sidecar: Sidecar, store: str, kind: type[T]) -> None:
        self._sidecar = sidecar
        self._store = store
        self._kind = kind

    async def get(self, key: str) -> tuple[T, str] | None:
        """The document and its ETag, or None."""
        async with self._sidecar.calling(f"reading {key}") as client:
            response = await client.get_state(self._store, key)
        if not response.data:
            return None
        return self._kind.model_validate_json(response.data), response.etag

    async def create(self, key: str, document: T, *, ttl_s: int | None = None) -> bool:
        """Write only if absent; False if it was there. ``ttl_s``: seconds until the store forgets it."""
        metadata = {**_JSON, **({"ttlInSeconds": str(ttl_s)} if ttl_s is not None else {})}
        return await self._write(f"creating {key}", key, document, None, metadata)

    async def replace(self, key: str, document: T, etag: str) -> bool:
        """Write only if the document still has this ETag; False if it has not."""
        return await self._write(f"saving {key}", key, document, etag, _JSON)

    async def delete(self, key: str, etag: str | None = None) -> bool:
        """Remove; with an ETag only if it still has it. True if it is gone, or was."""
        options = _FIRST_WRITE if etag else None
        try:
            async with self._sidecar.calling(f"deleting {key}") as client:
                await client.delete_state(self._store, key, etag=etag, options=options)
        except EtagMismatch:
            return False
        return True

    async def _write(
        self, what: str, key: str, document: T, etag: str | None, metadata: dict[str, str]
    ) -> bool:
        try:
            async with self._sidecar.calling(what) as client:
                await client.save_state(
                    self._store,
                    key,
                    document.model_dump_json(),
                    etag=etag,
                    options=_FIRST_WRITE,
                    state_metadata=metadata,
                )
        except EtagMismatch:
            return False
        return True
