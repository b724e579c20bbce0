"""Use cases: keeping the index equal to the records, building it anew, finding pictures."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import structlog

from services.contracts.events import BlobCreated, ImageEventData, NotOurs
from services.contracts.identity import IMAGE_ID, image_id_of_blob
from services.contracts.names import CONTAINER, record_key
from services.contracts.records import ImageRecord
from services.platform.errors import NotFound, ServiceError
from services.query.domain import Change, entry_of
from services.query.errors import RecordMissing
from services.query.locks import KeyedLocks
from services.query.outcomes import Done
from services.query.ports import Blobs, Catalogue, Changes, Records, SearchIndex, Thumbnails

log = structlog.get_logger()

REBUILD_CONCURRENCY: Final = 16


async def find_record(image_id: str, records: Records) -> tuple[ImageRecord, str]:
    """The record and its ETag. Raises NotFound."""
    found = await records.get(record_key(image_id)) if IMAGE_ID.fullmatch(image_id) else None
    if found is None:
        raise NotFound(f"There is no image {image_id[:80]!r}.")
    return found


async def read_content(record: ImageRecord, blob: str, blobs: Blobs) -> bytes:
    """The bytes of one of the record's blobs. Raises NotFound while it is not written yet, or when it is gone."""
    content = await blobs.get(blob)
    if content is None:
        raise NotFound(f"The bytes of image {record.id} are not there.")
    return content


class Projection:
    """Copies records into the index.

    Events only point: the record is read when the event is handled, and reading and writing one picture's entry is one
    step for this process, so neither the order of events nor deliveries in parallel can leave an older state behind.
    """

    def __init__(
        self, records: Records, index: SearchIndex, changes: Changes, thumbnails: Thumbnails
    ) -> None:
        self._records = records
        self._index = index
        self._changes = changes
        self._thumbnails = thumbnails
        self._locks = KeyedLocks()

    async def blob_created(self, event: BlobCreated) -> Done:
        """A picture arrived. Raises RecordMissing while its record is not there, NotOurs."""
        image_id = image_id_of_blob(event.blob)
        if event.container != CONTAINER or image_id is None:
            raise NotOurs(f"blob {event.container}/{event.blob} is not a picture of ours")
        return await self._arrived(image_id)

    async def image_event(self, event: ImageEventData, *, deleted: bool) -> Done:
        """A picture's record changed, or is gone. Raises RecordMissing if it is gone without ``deleted``; NotOurs."""
        if not IMAGE_ID.fullmatch(event.id):
            raise NotOurs(f"{event.id[:80]!r} is not the id of a picture")
        return await (self.refresh(event.id) if deleted else self._arrived(event.id))

    async def refresh(self, image_id: str) -> Done:
        """Make the entry what the record is now; without a record there is none."""
        async with self._locks.holding(image_id):
            found = await self._records.get(record_key(image_id))
            if found is None:
                return await self._forget(image_id)
            return await self._write(found[0])

    async def _arrived(self, image_id: str) -> Done:
        async with self._locks.holding(image_id):
            found = await self._records.get(record_key(image_id))
            if found is None:
                raise RecordMissing(f"image {image_id} was announced and has no record")
            return await self._write(found[0])

    async def _write(self, record: ImageRecord) -> Done:
        if not await self._index.put(entry_of(record)):
            return Done.KNOWN
        self._changes.publish(Change(record.id, record.status, record.claim_id))
        return Done.INDEXED

    async def _forget(self, image_id: str) -> Done:
        await self._thumbnails.forget(image_id)
        if not await self._index.remove(image_id):
            return Done.KNOWN
        self._changes.publish(Change(image_id, None))
        return Done.REMOVED


@dataclass
class RebuildProgress:
    """``error`` is that of the last attempt, None if it ended well or none has ended."""

    running: bool = False
    seen: int = 0
    error: str | None = None


class Rebuilder:
    """Brings the index to what blobs and records are, in place: searching goes on meanwhile."""

    def __init__(self, catalogue: Catalogue, projection: Projection, index: SearchIndex) -> None:
        self._catalogue = catalogue
        self._projection = projection
        self._index = index
        self.progress = RebuildProgress()

    async def rebuild(self) -> int:
        """Refresh every picture that has a blob or an entry; gives their number. Nothing if one is under way.

        An entry without a record goes. Raises SidecarUnavailable; what was refreshed stays.
        """
        if self.progress.running:
            return 0
        self.progress = RebuildProgress(running=True)
        seen: set[str] = set()
        try:
            await self._refresh_all(self._catalogue.ids(), seen)
            await self._refresh_all(self._indexed(), seen)
            await self._index.mark_complete()
        except Exception as error:
            self.progress.error = error.detail if isinstance(error, ServiceError) else str(error)
            raise
        finally:
            self.progress.running = False
        log.info("index rebuilt", seen=self.progress.seen)
        return self.progress.seen

    async def _refresh_all(self, ids: AsyncIterator[str], seen: set[str]) -> None:
        free = asyncio.Semaphore(REBUILD_CONCURRENCY)

        async def refresh(image_id: str) -> None:
            try:
                await self._projection.refresh(image_id)
            finally:
                free.release()
            self.progress.seen += 1

        try:
            async with asyncio.TaskGroup() as tasks:
                async for image_id in ids:
                    if image_id not in seen:
                        seen.add(image_id)
                        await free.acquire()
                        tasks.create_task(refresh(image_id))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _indexed(self) -> AsyncIterator[str]:
        last = ""
        while page := await self._index.ids(after=last):
            for image_id in page:
                yield image_id
            last = page[-1]
