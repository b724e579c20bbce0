"""Deleting a picture: its blob (and that of its original), its record, and through an event its entry in query's index.

The blob goes first: the record says where it is, so that a deletion that was broken off can be repeated. The record
goes by its ETag: whoever changed it meanwhile (an upload of the same picture, the classifier) may have written more,
and the deletion begins again. The event is published every time: that of a deletion broken off may be missing.
"""

from typing import Final

import structlog

from services.contracts.events import ImageEventData, ImageEventType
from services.contracts.names import Topic, record_key
from services.ingest.ports import Blobs, Events, Records
from services.platform.errors import StateConflict

log = structlog.get_logger()

ATTEMPTS: Final = 5


class Deletions:
    """Takes pictures out again."""

    def __init__(self, records: Records, blobs: Blobs, events: Events) -> None:
        self._records = records
        self._blobs = blobs
        self._events = events

    async def delete(self, identifier: str, *, by: str) -> None:
        """Nothing happens to a picture that is not there. ``by``: who asked, for the log.

        Raises SidecarUnavailable, StateConflict.
        """
        with structlog.contextvars.bound_contextvars(image_id=identifier):
            for _ in range(ATTEMPTS):
                found = await self._records.get(record_key(identifier))
                if found is None:
                    break
                record, etag = found
                await self._blobs.delete(record.image.blob)
                if record.image.original is not None:
                    await self._blobs.delete(record.image.original.blob)
                if await self._records.delete(record_key(identifier), etag):
                    log.info("picture deleted", claim_id=record.claim_id, by=by)
                    break
            else:
                raise StateConflict(f"the record of {identifier} changed each time it was to be deleted")
            data = ImageEventData(id=identifier)
            await self._events.publish(Topic.IMAGE_CLASSIFIED, ImageEventType.DELETED, identifier, data)
