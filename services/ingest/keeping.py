"""Keeping a picture: its record in one store, its bytes in another, and no transaction over both.

What is promised: an accepted picture (202) has its record and its blob, whatever else happened; a refused upload
(503) leaves neither, as far as either store can be reached.

The order is record, then blob: the blob raises the event, and whoever handles that finds the record. Where the picture
was converted, the original goes between the two: a picture that is there has its original. Each upload leaves its own
mark in the record's history (``upload``), by which it can tell its record from another's.

- *The record could not be written*, or the answer was lost. If it turns out to be there with our mark, it was
  written, and the upload goes on; otherwise 503.
- *The blob could not be written*, or the answer was lost. If the blob turns out to be there, the write has happened
  and its event is on the way: accepted. If not, the record is removed, guarded by its ETag, and then the blob is
  looked for once more: a late write, or another upload of the same picture, may have come in between, and then the
  record is put back. The blob itself is never deleted here: another upload of the same bytes may have been
  accepted on the strength of it, and storage cannot delete "only mine".
- *The record is there already* and says ``received``. Its uploader may be at work, or may have died before the blob:
  after a short wait for the blob, this upload takes the record over (its own mark, under the ETag, so that the
  first can no longer remove it) and writes the blob. If that fails the record stays: it was there before.
- *It is there and says anything else*: the picture was stored and looked at. Nothing is written.

What remains: both stores going away between the two writes leaves a ``received`` record without a blob; the client,
told 503, heals it by trying again. A write that storage completes only after it was looked for twice leaves a blob
without a record, whose event ends as a dead letter. An original may stay without its picture: it makes no work, and
the next upload of the same bytes replaces it.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

import structlog

from services.contracts.names import record_key
from services.contracts.records import HistoryEntry, ImageRecord, Status, now
from services.ingest.ports import Blobs, Records
from services.platform.errors import SidecarUnavailable, StateConflict

log = structlog.get_logger()

ATTEMPTS: Final = 5
LOOK_TIMEOUT_S: Final = 3.0
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 0.5


@dataclass(frozen=True)
class Files:
    """``original``: what was sent, if the picture is a conversion of it."""

    picture: bytes
    original: bytes | None = None


class Keeper:
    """Keeps pictures. ``first_uploader_wait_s``: how long a blob may be awaited from another upload."""

    def __init__(self, records: Records, blobs: Blobs, *, first_uploader_wait_s: float) -> None:
        self._records = records
        self._blobs = blobs
        self._wait_s = first_uploader_wait_s

    async def keep(self, record: ImageRecord, files: Files) -> tuple[ImageRecord, bool]:
        """Keep a ``received`` record and its files. Gives the record as it then is, and whether it was known before.

        Raises SidecarUnavailable, StateConflict.
        """
        mark = secrets.token_hex(8)
        ours = _marked(record, mark)
        for _ in range(ATTEMPTS):
            if await self._create(ours, mark):
                await self._store_first(ours, files, mark)
                return ours, False
            found = await self._await_blob(ours)
            if found is None:
                continue
            known, etag = found
            if etag is None:
                return known, True
            # Another version of the converter may have made other bytes of the same original.
            facts = {"size": ours.image.size, "sha256": ours.image.sha256}
            image = known.image.model_copy(update=facts)
            taken_over = _marked(known.model_copy(update={"image": image}), mark)
            if await self._records.replace(record_key(known.id), taken_over, etag):
                log.info("storing a picture that its first upload did not store")
                await self._store_again(taken_over, files)
                return taken_over, True
        raise StateConflict(f"other uploads of this picture kept changing the record of {record.id}")

    async def _create(self, ours: ImageRecord, mark: str) -> bool:
        try:
            return await self._records.create(record_key(ours.id), ours)
        except SidecarUnavailable:
            found = await self._records.get(record_key(ours.id))
            if found is not None and _is_marked(found[0], mark):
                return True
            raise

    async def _await_blob(self, ours: ImageRecord) -> tuple[ImageRecord, str | None] | None:
        """The record that is there already; with its ETag if its blob did not come in time. None: it went away."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._wait_s
        pause_s = FIRST_PAUSE_S
        while found := await self._records.get(record_key(ours.id)):
            known, etag = found
            if known.status is not Status.RECEIVED or await self._blobs.exists(known.image.blob):
                return known, None
            if clock() >= deadline:
                return known, etag
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        return None

    async def _store_first(self, ours: ImageRecord, files: Files, mark: str) -> None:
        try:
            await self._put(ours, files)
        except SidecarUnavailable:
            if await self._is_there(ours):
                return
            if await self._remove(ours, mark) and await self._is_there(ours):
                await self._records.create(record_key(ours.id), ours)
                return
            raise

    async def _store_again(self, taken_over: ImageRecord, files: Files) -> None:
        try:
            await self._put(taken_over, files)
        except SidecarUnavailable:
            if not await self._is_there(taken_over):
                raise

    async def _put(self, record: ImageRecord, files: Files) -> None:
        image = record.image
        if image.original is not None and files.original is not None:
            await self._blobs.put(image.original.blob, files.original, image.original.content_type)
        await self._blobs.put(image.blob, files.picture, image.content_type)

    async def _is_there(self, record: ImageRecord) -> bool:
        """Whether the blob is known to be there."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                return await self._blobs.exists(record.image.blob)
        except (SidecarUnavailable, TimeoutError):
            return False

    async def _remove(self, ours: ImageRecord, mark: str) -> bool:
        """Take our record back; False if it is not ours any more, or out of reach."""
        key = record_key(ours.id)
        try:
            found = await self._records.get(key)
            return (
                found is not None and _is_marked(found[0], mark) and await self._records.delete(key, found[1])
            )
        except SidecarUnavailable as error:
            log.warning("a record stays behind until its picture is uploaded again", detail=error.detail)
            return False


def _marked(record: ImageRecord, mark: str) -> ImageRecord:
    entry = HistoryEntry.model_validate({"at": now(), "status": Status.RECEIVED, "upload": mark})
    return record.model_copy(update={"history": [*record.history, entry]})


def _is_marked(record: ImageRecord, mark: str) -> bool:
    """Whether the upload with this mark was the last to touch the record."""
    last = record.history[-1].model_extra if record.history else None
    return (last or {}).get("upload") == mark
