"""Rules about one record and one event; pure."""

from datetime import datetime
from enum import Enum, auto

from services.contracts.events import BlobCreated
from services.contracts.records import Analysis, HistoryEntry, Image, ImageRecord, Reason, Status

Finding = Analysis | Reason
"""What an engine said of a version of a blob: an analysis, or why there can be none."""


class Verdict(Enum):
    """What an event asks for, given the record. OPEN: this version of the blob has no result yet."""

    OPEN = auto()
    KNOWN = auto()
    SUPERSEDED = auto()


def verdict(record: ImageRecord, event: BlobCreated) -> Verdict:
    """A record back at ``received`` or ``failed`` is open again, even for the version that it had a result for."""
    if record.image.etag == event.etag:
        return Verdict.KNOWN if record.status in (Status.CLASSIFIED, Status.REJECTED) else Verdict.OPEN
    if older(event.sequencer, record.image.sequencer):
        return Verdict.SUPERSEDED
    return Verdict.OPEN


def older(sequencer: str, than: str | None) -> bool:
    """Whether one event came before another of the same blob. Unknown order counts as newer.

    Sequencers are hex digits of varying length, compared as text once they are equally long.
    """
    if not sequencer or not than:
        return False
    width = max(len(sequencer), len(than))
    return sequencer.lower().zfill(width) < than.lower().zfill(width)


def with_finding(record: ImageRecord, event: BlobCreated, finding: Finding, at: datetime) -> ImageRecord:
    """The record after an engine has spoken: ``classified``, or ``rejected``."""
    if isinstance(finding, Reason):
        return _moved(record, event, Status.REJECTED, at, reason=finding, analysis=None)
    analysis = finding.model_copy(update={"blob_etag": event.etag})
    return _moved(record, event, Status.CLASSIFIED, at, reason=None, analysis=analysis, classified_at=at)


def with_failure(record: ImageRecord, event: BlobCreated, reason: Reason, at: datetime) -> ImageRecord:
    """The record after the last delivery has failed. What was known of an earlier version stays."""
    return _moved(record, event, Status.FAILED, at, reason=reason)


def _moved(
    record: ImageRecord, event: BlobCreated, status: Status, at: datetime, **changes: object
) -> ImageRecord:
    analysis = changes.get("analysis")
    entry = HistoryEntry(
        at=at,
        status=status,
        engine=analysis.engine if isinstance(analysis, Analysis) else None,
        model_version=analysis.model_version if isinstance(analysis, Analysis) else None,
    )
    image: Image = record.image.model_copy(
        update={"etag": event.etag, "sequencer": event.sequencer or record.image.sequencer}
    )
    return record.model_copy(
        update={"status": status, "image": image, "history": [*record.history, entry], **changes}
    )
