"""Rules about one record and one event; pure.

Several engines may look at a picture. The first of them is the primary: its word is the record's status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto

from services.contracts.events import BlobCreated
from services.contracts.records import (
    SUPERSEDED_KEPT,
    Analysis,
    ClassificationRequest,
    HistoryEntry,
    ImageRecord,
    Reason,
    Refusal,
    Status,
    SupersededAnalysis,
    continued,
)

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
    """The engines that have yet to speak of this version of the blob, or to speak again in the event's turn.

    A record that was set back to ``received``, or has ``failed``, although it has the primary's word is open again
    for all of them.
    """
    if record.image.etag != event.etag:
        return tuple(engines)
    missing = tuple(name for name in engines if not _spoken(record, name, event, primary=engines[0]))
    if engines[0] in missing or record.status is Status.CLASSIFIED:
        return missing
    return () if record.status is Status.REJECTED else tuple(engines)


def in_turn(record: ImageRecord, event: BlobCreated) -> BlobCreated:
    """The event with the request that a delivery of it answers: whichever the record holds."""
    asked = record.requested_classification
    return replace(of_version(record, event), request=asked.id if asked else None)


def of_version(record: ImageRecord, event: BlobCreated) -> BlobCreated:
    """A request is about the version of the blob that the record knows of; storage's events name their own."""
    return replace(event, etag=record.image.etag or event.etag) if event.request else event


def work(event: BlobCreated) -> str:
    """Tells apart what is done but once: looking at a version of a blob, and doing so again for a request."""
    return f"{event.etag}-{event.request}" if event.request else event.etag


def is_asked(record: ImageRecord, event: BlobCreated) -> bool:
    """Whether the record waits for what this request event asks for."""
    asked = record.requested_classification
    return asked is not None and asked.id == event.request and asked.done_at is None


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
    if asked := _turn(record, event):
        answered = [
            name for name in asked.answered if record.image.etag == event.etag and name not in findings
        ]
        done_at = at if engines[0] in findings else asked.done_at
        changes["requested_classification"] = asked.model_copy(
            update={"answered": [*answered, *findings], "done_at": done_at}
        )
    told = _moved(record, event, at, findings, changes | {"analyses": analyses, "refusals": refusals})
    return told.model_copy(update={"superseded": _superseded(record, told, at)})


def with_failure(record: ImageRecord, event: BlobCreated, reason: Reason, at: datetime) -> ImageRecord:
    """The record after the last delivery has failed. What engines said before stays.

    So does the status of a picture that has its result, where it was only asked for again: the request says why.
    """
    changes: dict[str, object] = {"status": Status.FAILED, "reason": reason}
    if event.request and (asked := _turn(record, event)):
        request = asked.model_copy(update={"done_at": at, "reason": reason})
        if record.status in (Status.CLASSIFIED, Status.REJECTED):
            changes = {}
        changes["requested_classification"] = request
    return _moved(record, event, at, {"": reason}, changes)


def has_failed(record: ImageRecord, event: BlobCreated) -> bool:
    """Whether the record says that the deliveries of this event, or of the one before it, came to nothing."""
    asked = record.requested_classification
    return record.status is Status.FAILED or bool(event.request and asked and asked.reason)


def _turn(record: ImageRecord, event: BlobCreated) -> ClassificationRequest | None:
    """The record's request, if it is this event's."""
    asked = record.requested_classification
    return asked if asked and asked.id == event.request and asked.reason is None else None


def _spoken(record: ImageRecord, name: str, event: BlobCreated, *, primary: str) -> bool:
    """Whether this engine has spoken of the version of the blob that record and event are about."""
    asked = _turn(record, event)
    if asked and name not in asked.answered:
        return False
    if name == primary:
        return record.status is Status.REJECTED or _is_of(record.analysis, event)
    return _is_of(record.analyses.get(name), event) or _is_of(record.refusals.get(name), event)


def _is_of(word: Analysis | Refusal | None, event: BlobCreated) -> bool:
    return word is not None and word.blob_etag == event.etag


def _superseded(before: ImageRecord, after: ImageRecord, at: datetime) -> list[SupersededAnalysis]:
    """What was superseded before, and what the record no longer says."""
    gone = [said for said in _said(before) if said not in _said(after)]
    moved = [SupersededAnalysis.model_validate(said.model_dump() | {"superseded_at": at}) for said in gone]
    return [*before.superseded, *moved][-SUPERSEDED_KEPT:]


def _said(record: ImageRecord) -> list[Analysis]:
    """Each analysis once: the primary's stands in two places where there are several engines."""
    said = [*([record.analysis] if record.analysis else []), *record.analyses.values()]
    return [each for place, each in enumerate(said) if each not in said[:place]]


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
    asked = _turn(record, event)
    history = [
        HistoryEntry(
            at=at,
            status=moved.status if name else Status.FAILED,
            engine=name or None,
            model_version=finding.model_version if isinstance(finding, Analysis) else None,
            request=asked.id if asked else None,
        )
        for name, finding in findings.items()
    ]
    return moved.model_copy(update={"history": continued(record.history, *history)})
