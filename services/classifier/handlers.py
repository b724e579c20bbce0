"""The use cases: a blob was created; an event ran out of deliveries."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog

from services.classifier import domain
from services.classifier.claims import Claims
from services.classifier.domain import Finding, Verdict
from services.classifier.errors import ImageRejected, RecordMissing
from services.classifier.outcomes import Done
from services.classifier.ports import EventPublisher, ImageAnalyzer, ImageLink, Records
from services.contracts.events import BlobCreated, ImageEventData, ImageEventType, NotOurs
from services.contracts.identity import image_id_of_blob
from services.contracts.names import CONTAINER, Topic, record_key
from services.contracts.records import ImageRecord, Reason, Status, now
from services.platform.errors import StateConflict

log = structlog.get_logger()

SAVE_ATTEMPTS: Final = 5
UNSAVED_KEPT: Final = 256


class Classifier:
    """Idempotent: an event may come again, twice at once, or late. Errors say whether it should come again:
    NotOurs for never, Unavailable for yes.
    """

    def __init__(
        self,
        *,
        records: Records,
        claims: Claims,
        link: ImageLink,
        analyzer: ImageAnalyzer,
        publisher: EventPublisher,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._records = records
        self._claims = claims
        self._link = link
        self._analyzer = analyzer
        self._publisher = publisher
        self._clock = clock
        # Findings that were paid for and could not be saved yet, by record key and ETag.
        self._unsaved: OrderedDict[tuple[str, str], Finding] = OrderedDict()

    async def blob_created(self, event: BlobCreated) -> Done:
        """Have the picture looked at, once; save the result; announce it."""
        identifier = _image_id(event)
        record, etag = await self._load(identifier, event)
        match domain.verdict(record, event):
            case Verdict.SUPERSEDED:
                return Done.SUPERSEDED
            case Verdict.KNOWN:
                # Saved, but perhaps not announced: the process may have died in between.
                await self._announce(record)
                return Done.KNOWN
        async with self._claims.held(identifier, event.etag):
            finding = await self._finding(record_key(identifier), event)
            saved = await self._save(
                (record, etag),
                event,
                lambda current: domain.with_finding(current, event, finding, self._clock()),
            )
        self._unsaved.pop((record_key(identifier), event.etag), None)
        if domain.verdict(saved, event) is Verdict.SUPERSEDED:
            return Done.SUPERSEDED
        await self._announce(saved)
        return Done(saved.status)

    async def out_of_deliveries(self, event: BlobCreated, attributes: Mapping[str, str]) -> Done:
        """Mark the picture ``failed``, unless it has a result after all. ``attributes``: the dead letter's own."""
        identifier = _image_id(event)
        try:
            found = await self._load(identifier, event)
        except RecordMissing:
            log.warning("dead letter without a record", image_id=identifier)
            return Done.ORPHANED
        reason = Reason(code="DeliveriesExhausted", detail=_last_words(attributes))
        saved, _ = found
        if saved.status is not Status.FAILED or saved.image.etag != event.etag:
            saved = await self._save(
                found, event, lambda current: domain.with_failure(current, event, reason, self._clock())
            )
        if domain.verdict(saved, event) is Verdict.SUPERSEDED:
            return Done.SUPERSEDED
        await self._announce(saved)
        return Done.FAILED if saved.status is Status.FAILED else Done.KNOWN

    async def _load(self, identifier: str, event: BlobCreated) -> tuple[ImageRecord, str]:
        found = await self._records.get(record_key(identifier))
        if found is None:
            raise RecordMissing(f"no record of {identifier} yet")
        if found[0].image.blob != event.blob:
            raise NotOurs(f"the blob of {identifier} is {found[0].image.blob!r}, not {event.blob!r}")
        return found

    async def _finding(self, key: str, event: BlobCreated) -> Finding:
        if finding := self._unsaved.get((key, event.etag)):
            return finding
        try:
            finding = await self._analyzer.analyze(await self._link.of(event.blob))
        except ImageRejected as error:
            finding = Reason(code=error.code, detail=error.detail)
        self._unsaved[key, event.etag] = finding
        while len(self._unsaved) > UNSAVED_KEPT:
            self._unsaved.popitem(last=False)
        return finding

    async def _save(
        self,
        found: tuple[ImageRecord, str],
        event: BlobCreated,
        change: Callable[[ImageRecord], ImageRecord],
    ) -> ImageRecord:
        """The record as it is then: changed here, or not any more open when its turn came."""
        for _ in range(SAVE_ATTEMPTS):
            record, etag = found
            if domain.verdict(record, event) is not Verdict.OPEN:
                return record
            changed = change(record)
            if await self._records.replace(record_key(record.id), changed, etag):
                return changed
            found = await self._load(record.id, event)
        raise StateConflict(f"the record of {found[0].id} changed {SAVE_ATTEMPTS} times while it was saved")

    async def _announce(self, record: ImageRecord) -> None:
        data = ImageEventData(id=record.id, status=record.status)
        event_type = ImageEventType.of(record.status)
        await self._publisher.publish(Topic.IMAGE_CLASSIFIED, event_type, record.id, data)


def _image_id(event: BlobCreated) -> str:
    if event.container != CONTAINER:
        raise NotOurs(f"container {event.container!r}, not {CONTAINER!r}")
    identifier = image_id_of_blob(event.blob)
    if identifier is None:
        raise NotOurs(f"not a blob of ours: {event.blob!r}")
    return identifier


def _last_words(attributes: Mapping[str, str]) -> str:
    attempts = attributes.get("deliveryattempts")
    why = attributes.get("deadletterreason") or attributes.get("lastdeliveryoutcome")
    text = f"No delivery of the event succeeded, {attempts} tries." if attempts else "No delivery succeeded."
    return f"{text} {why}" if why else text
