"""Rules about one record and one event; pure.

Several engines may look at a picture. The first of them is the primary: its word is the record's status.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, auto

from services.contracts.events import BlobCreated
from services.contracts.records import Analysis, HistoryEntry, ImageRecord, Reason, Refusal, Status

Finding = Analysis | Reason
"""What an engine said of a version of a blob: an analysis, or why there can be none."""


class Verdict(Enum):
    """What an event asks for, given the record. OPEN: an engine has yet to speak of this version of the blob."""

    OPEN = auto()
    KNOWN = auto()
    SUPERSEDED = auto()


def verdict(record: ImageRecord, event: BlobCreated, engines: Sequence[str]) -> Verdict:
    if record.image.etag != event.etag and older(event.sequencer, record.image.sequencer):
        return Verdict.SUPERSEDED
    return Verdict.OPEN if pending(record, event, engines) else Verdict.KNOWN


def pending(record: ImageRecord, event: BlobCreated, engines: Sequence[str]) -> tuple[str, ...]:
    """The engines that have yet to speak of this version of the blob.

    A record that was set back to ``received``, or has ``failed``, although it has the primary's word is open again
    for all of them.
    """
    if record.image.etag != event.etag:
        return tuple(engines)
    if record.status is Status.REJECTED:
        return ()
    primary, *others = engines
    missing = [] if _spoken(record.analysis, event) else [primary]
    if record.status is not Status.CLASSIFIED and not missing:
        return tuple(engines)
    missing += [
        name
        for name in others
        if not _spoken(record.analyses.get(name), event) and not _spoken(record.refusals.get(name), event)
    ]
    return tuple(missing)


def older(sequencer: str, than: str | None) -> bool:
    """Whether one event came before another of the same blob. Unknown order counts as newer.

    Sequencers are hex digits of varying length, compared as text once they are equally long.
    """
    if not sequencer or not than:
        return False
    width = max(len(sequencer), len(than))
    return sequencer.lower().zfill(width) < than.lower().zfill(width)


def with_findings(
    record: ImageRecord,
    event: BlobCreated,
    findings: Mapping[str, Finding],
    engines: Sequence[str],
    at: datetime,
) -> ImageRecord:
    """The record after engines have spoken; ``findings`` by engine. ``classified`` or ``rejected`` once the
    primary is among them, and unchanged in status before.
    """
    changes: dict[str, object] = {}
    analyses, refusals = dict(record.analyses), dict(record.refusals)
    for name, finding in findings.items():
        if isinstance(finding, Analysis):
            stamped = finding.model_copy(update={"blob_etag": event.etag})
            if len(engines) > 1:
                analyses[name] = stamped
            refusals.pop(name, None)
            if name == engines[0]:
                changes = {
                    "status": Status.CLASSIFIED,
                    "reason": None,
                    "analysis": stamped,
                    "classified_at": at,
                }
        elif name == engines[0]:
            changes = {"status": Status.REJECTED, "reason": finding, "analysis": None}
        else:
            refusals[name] = Refusal(code=finding.code, detail=finding.detail, blob_etag=event.etag)
    return _moved(record, event, at, findings, changes | {"analyses": analyses, "refusals": refusals})


def with_failure(record: ImageRecord, event: BlobCreated, reason: Reason, at: datetime) -> ImageRecord:
    """The record after the last delivery has failed. What engines said before stays."""
    return _moved(record, event, at, {"": reason}, {"status": Status.FAILED, "reason": reason})


def _spoken(word: Analysis | Refusal | None, event: BlobCreated) -> bool:
    return word is not None and word.blob_etag == event.etag


def _moved(
    record: ImageRecord,
    event: BlobCreated,
    at: datetime,
    findings: Mapping[str, Finding],
    changes: Mapping[str, object],
) -> ImageRecord:
    image = record.image.model_copy(
        update={"etag": event.etag, "sequencer": event.sequencer or record.image.sequencer}
    )
    moved = record.model_copy(update={"image": image, **changes})
    history = [
        HistoryEntry(
            at=at,
            status=moved.status,
            engine=name or None,
            model_version=finding.model_version if isinstance(finding, Analysis) else None,
        )
        for name, finding in findings.items()
    ]
    return moved.model_copy(update={"history": [*record.history, *history]})
