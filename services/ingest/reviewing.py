"""A person's word on a picture. It stands beside what the machine said; what persons said before stays in the history.

The event is published each time, also where nothing changed: that of a review broken off may be missing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from services.contracts.events import ImageEventData, ImageEventType
from services.contracts.names import Topic
from services.contracts.records import HistoryEntry, ImageRecord, Review, continued, now
from services.ingest.changing import change
from services.ingest.ports import Events, Records

log = structlog.get_logger()


class Reviews:
    """Keeps reviews."""

    def __init__(self, records: Records, events: Events, *, clock: Callable[[], datetime] = now) -> None:
        self._records = records
        self._events = events
        self._clock = clock

    async def put(self, identifier: str, labels: Sequence[str], note: str | None, *, by: str) -> Review:
        """The review as it is kept: each label once, however it is written. By the same person the same again is
        no new one.

        Raises NotFound, SidecarUnavailable, StateConflict.
        """
        distinct: dict[str, str] = {}
        for name in labels:
            distinct.setdefault(name.casefold(), name)
        review = Review(labels=list(distinct.values()), note=note or None, by=by, at=self._clock())
        with structlog.contextvars.bound_contextvars(image_id=identifier):
            record = await change(self._records, identifier, lambda current: _reviewed(current, review))
            data = ImageEventData(id=identifier, status=record.status)
            await self._events.publish(Topic.IMAGE_CLASSIFIED, ImageEventType.REVIEWED, identifier, data)
            log.info("picture reviewed", labels=review.labels, by=by)
        assert record.review is not None
        return record.review


def _reviewed(record: ImageRecord, review: Review) -> ImageRecord:
    if record.review and record.review.model_copy(update={"at": review.at}) == review:
        return record
    entry = HistoryEntry(at=review.at, status=record.status, review=review)
    changes = {"review": review, "needs_review": False, "history": continued(record.history, entry)}
    return record.model_copy(update=changes)
