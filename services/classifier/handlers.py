"""The use cases: a blob was created; an event ran out of deliveries."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from services.classifier import domain
from services.classifier.claims import Claims
from services.classifier.domain import Verdict
from services.classifier.errors import RecordMissing
from services.classifier.labels.evaluate import labelled
from services.classifier.looking import Looking
from services.classifier.outcomes import Done
from services.classifier.ports import EventPublisher, ImageAnalyzer, ImageLink, LabelRules, Records
from services.contracts.events import BlobCreated, ImageEventData, ImageEventType, NotOurs
from services.contracts.identity import image_id_of_blob
from services.contracts.names import CONTAINER, Topic, record_key
from services.contracts.records import ImageRecord, Reason, Status, now
from services.platform.errors import StateConflict

log = structlog.get_logger()

SAVE_ATTEMPTS: Final = 5


class Classifier:
    """Idempotent: an event may come again, twice at once, or late. Errors say whether it should come again:
    NotOurs for never, Unavailable for yes. The first of ``analyzers`` is the primary.
    """

    def __init__(
        self,
        *,
        records: Records,
        claims: Claims,
        link: ImageLink,
        analyzers: Sequence[ImageAnalyzer],
        publisher: EventPublisher,
        rules: LabelRules,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._records = records
        self._claims = claims
        self._engines = tuple(analyzer.engine for analyzer in analyzers)
        self._looking = Looking(analyzers, link)
        self._publisher = publisher
        self._rules = rules
        self._clock = clock

    async def blob_created(self, event: BlobCreated) -> Done:
        """Have the picture looked at, once by each engine; save what they say; announce it."""
        identifier = _image_id(event)
        record, _ = await self._load(identifier, event)
        event = domain.in_turn(record, event)
        if self._verdict(record, event) is Verdict.OPEN:
            async with self._claims.held(identifier, domain.work(event)):
                # Read again: whoever held the claim until now may have saved something.
                found = await self._load(identifier, event)
                record = found[0]
                if self._verdict(record, event) is Verdict.OPEN:
                    return await self._classify(found, event)
        if self._verdict(record, event) is Verdict.SUPERSEDED:
            return Done.SUPERSEDED
        # Saved, but perhaps not announced: the process may have died in between.
        await self._announce(record)
        return Done.KNOWN

    async def out_of_deliveries(self, event: BlobCreated, attributes: Mapping[str, str]) -> Done:
        """Mark the picture ``failed``, unless it has a result after all. ``attributes``: the dead letter's own."""
        identifier = _image_id(event)
        try:
            found = await self._load(identifier, event)
        except RecordMissing:
            log.warning("dead letter without a record")
            return Done.ORPHANED
        event = domain.of_version(found[0], event)
        if event.request and not domain.is_asked(found[0], event):
            return Done.SUPERSEDED
        reason = Reason(code="DeliveriesExhausted", detail=_last_words(attributes))
        saved = found[0]
        if event.request or not _settled(saved, event):
            saved = await self._save(
                found, event, lambda current: domain.with_failure(current, event, reason, self._clock())
            )
        if self._verdict(saved, event) is Verdict.SUPERSEDED:
            return Done.SUPERSEDED
        await self._announce(saved)
        return Done.FAILED if domain.has_failed(saved, event) else Done.KNOWN

    async def _classify(self, found: tuple[ImageRecord, str], event: BlobCreated) -> Done:
        names = domain.pending(found[0], event, self._engines)
        findings, trouble = await self._looking.at(found[0].image, event, names)
        saved = found[0]
        if findings:

            def with_findings(current: ImageRecord) -> ImageRecord:
                told = domain.with_findings(current, event, findings, self._engines, self._clock())
                return labelled(told, self._rules.current())

            saved = await self._save(found, event, with_findings)
            self._looking.forget(event)
        match self._verdict(saved, event):
            case Verdict.SUPERSEDED:
                return Done.SUPERSEDED
            case Verdict.OPEN if trouble is not None:
                if _settled(saved, event):
                    # The primary has spoken: nobody waits for the others.
                    await self._announce(saved)
                raise trouble
        await self._announce(saved)
        return Done(saved.status)

    def _verdict(self, record: ImageRecord, event: BlobCreated) -> Verdict:
        return domain.verdict(record, event, self._engines)

    async def _load(self, identifier: str, event: BlobCreated) -> tuple[ImageRecord, str]:
        found = await self._records.get(record_key(identifier))
        if found is None:
            raise RecordMissing(f"no record of {identifier} yet")
        if found[0].image.blob != event.blob:
            raise NotOurs(f"the blob of {identifier} is {found[0].image.blob!r}, not {event.blob!r}")
        return found

    async def _save(
        self,
        found: tuple[ImageRecord, str],
        event: BlobCreated,
        change: Callable[[ImageRecord], ImageRecord],
    ) -> ImageRecord:
        """The record as it is then: changed here, or not any more open when its turn came."""
        for _ in range(SAVE_ATTEMPTS):
            record, etag = found
            if self._verdict(record, event) is not Verdict.OPEN:
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


def _settled(record: ImageRecord, event: BlobCreated) -> bool:
    """Whether the record says of this version what an announcement can be made of."""
    return record.image.etag == event.etag and record.status is not Status.RECEIVED


def _image_id(event: BlobCreated) -> str:
    if event.container != CONTAINER:
        raise NotOurs(f"container {event.container!r}, not {CONTAINER!r}")
    identifier = image_id_of_blob(event.blob)
    if identifier is None:
        raise NotOurs(f"not a blob of ours: {event.blob!r}")
    structlog.contextvars.bind_contextvars(image_id=identifier)
    return identifier


def _last_words(attributes: Mapping[str, str]) -> str:
    attempts = attributes.get("deliveryattempts")
    why = attributes.get("deadletterreason") or attributes.get("lastdeliveryoutcome")
    text = f"No delivery of the event succeeded, {attempts} tries." if attempts else "No delivery succeeded."
    return f"{text} {why}" if why else text
