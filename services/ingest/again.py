"""Having a picture classified again (decision 0021).

The request goes into the record, and then an event says so. Who dies between the two, or gets no answer, asks again:
a request that is open is not made anew, its event is. So the client's 202 means that the event is out.
"""

import secrets
from collections.abc import Callable
from datetime import datetime

import structlog

from services.contracts.events import CLASSIFICATION_REQUESTED, ClassificationRequested
from services.contracts.names import Topic
from services.contracts.records import ClassificationRequest, ImageRecord, now
from services.ingest.changing import change, find
from services.ingest.ports import Blobs, Events, Records
from services.platform.errors import Conflict

log = structlog.get_logger()


class Reclassifications:
    """Asks for pictures to be looked at again: a newer model, or after a failure."""

    def __init__(
        self, records: Records, blobs: Blobs, events: Events, *, clock: Callable[[], datetime] = now
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._events = events
        self._clock = clock

    async def ask(self, identifier: str, *, by: str) -> tuple[ImageRecord, ClassificationRequest]:
        """The record, whose status stays until the answer is there, and the request that it now holds.

        Raises NotFound, Conflict (the blob is gone), SidecarUnavailable, StateConflict.
        """
        with structlog.contextvars.bound_contextvars(image_id=identifier):
            record, _ = await find(self._records, identifier)
            etag = await self._blobs.etag(record.image.blob)
            if etag is None:
                detail = "The bytes of this picture are not there (any more): upload it again."
                raise Conflict(detail, code="blob-gone")
            record = await change(self._records, identifier, lambda current: self._marked(current, by))
            asked = record.requested_classification
            assert asked is not None
            data = ClassificationRequested(id=identifier, blob=record.image.blob, etag=etag, request=asked.id)
            await self._events.publish(Topic.BLOB_CREATED, CLASSIFICATION_REQUESTED, identifier, data)
            log.info("classification requested", request=asked.id, by=by, status=record.status)
        return record, asked

    def _marked(self, record: ImageRecord, by: str) -> ImageRecord:
        asked = record.requested_classification
        if asked is not None and asked.done_at is None:
            return record
        request = ClassificationRequest(id=secrets.token_hex(8), at=self._clock(), by=by)
        return record.model_copy(update={"requested_classification": request})
