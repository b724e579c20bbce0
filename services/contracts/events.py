"""The CloudEvents that the services read and write: storage's BlobCreated, our request beside it, image-classified.

Sources: CloudEvents 1.0.2; Event Grid's schema of blob storage events.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.v1.event import CloudEvent
from pydantic import BaseModel, ValidationError

from services.contracts.names import CONTAINER
from services.contracts.records import Status

OUR_TYPES: Final = "claimlens."
BLOB_CREATED: Final = "Microsoft.Storage.BlobCreated"
CLASSIFICATION_REQUESTED: Final = "claimlens.classification.requested"

# A blob that is still being written raises these (hierarchical namespace, SFTP): not complete files.
INCOMPLETE_APIS: Final = frozenset({"CreateFile", "SftpCreate"})


class NotOurs(Exception):
    """The event is not one that this service handles; the text says why. The delivery is dropped."""


class UnknownType(Exception):
    """An event of ours whose type this version does not know: a newer version does, and may run beside this one.

    The delivery is retried, for whoever takes it next; out of deliveries it becomes a dead letter.
    """


class ImageEventType(StrEnum):
    """Types on the topic ``image-classified``."""

    CLASSIFIED = "claimlens.image.classified"
    REJECTED = "claimlens.image.rejected"
    FAILED = "claimlens.image.failed"
    REVIEWED = "claimlens.image.reviewed"
    DELETED = "claimlens.image.deleted"

    @classmethod
    def of(cls, status: Status) -> "ImageEventType":
        """The type that announces a record's new status. Raises KeyError for ``received``."""
        return {
            Status.CLASSIFIED: cls.CLASSIFIED,
            Status.REJECTED: cls.REJECTED,
            Status.FAILED: cls.FAILED,
        }[status]


class ImageEventData(BaseModel):
    """Data of an ``image-classified`` event: a pointer. Readers take the record from state, which is newer or equal."""

    id: str
    status: Status | None = None


class ClassificationRequested(BaseModel):
    """Data of a request, on the topic ``blob-created``, that a picture be classified again (decision 0021).

    ``request`` is the id of the request that the record holds.
    """

    id: str
    blob: str
    etag: str
    request: str


@dataclass(frozen=True)
class BlobCreated:
    """A complete blob was written, or is to be looked at again (``request``).

    ``etag`` without quotes; ``sequencer`` orders events of one blob name.
    """

    container: str
    blob: str
    etag: str
    content_type: str
    content_length: int
    api: str
    sequencer: str
    event_id: str
    request: str | None = None


def parse_event(body: bytes) -> CloudEvent:
    """A structured CloudEvent from the bytes that Dapr delivers; a one-element array is accepted too.

    Raises NotOurs if it is none: such a body will be none at the next delivery either.
    """
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise NotOurs(f"not JSON: {error}") from error
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    if not isinstance(raw, dict):
        raise NotOurs(f"not a CloudEvent but a JSON {type(raw).__name__}")
    data = raw.pop("data", None)
    raw.pop("data_base64", None)
    # Event Grid writes seven fractional digits and nothing here needs the time.
    raw.pop("time", None)
    attributes = {key: str(value) for key, value in raw.items() if value is not None}
    try:
        return CloudEvent(attributes, data)
    except BaseCloudEventException as error:
        raise NotOurs(f"not a CloudEvent: {error}") from error


def blob_created(event: CloudEvent) -> BlobCreated:
    """Read storage's event, or ours that refers to the same blob.

    Raises NotOurs for others' types, incomplete files, and shapes it cannot be; UnknownType.
    """
    if event.get_type() == CLASSIFICATION_REQUESTED:
        return _classification_requested(event)
    if event.get_type() != BLOB_CREATED:
        raise _of_another_type(event)
    data = event.get_data()
    if not isinstance(data, dict):
        raise NotOurs("BlobCreated without data")
    api = str(data.get("api", ""))
    if api in INCOMPLETE_APIS:
        raise NotOurs(f"{api}: the blob is not complete yet")
    container, blob = _container_and_blob(event.get_subject() or "")
    etag = str(data.get("eTag", "")).strip('"')
    if not etag:
        raise NotOurs("BlobCreated without eTag")
    return BlobCreated(
        container=container,
        blob=blob,
        etag=etag,
        content_type=str(data.get("contentType", "")),
        content_length=_int(data.get("contentLength")),
        api=api,
        sequencer=str(data.get("sequencer", "")),
        event_id=event.get_id(),
    )


def image_event_data(event: CloudEvent) -> ImageEventData:
    """Read the data of an ``image-classified`` event. Raises NotOurs for anything else; UnknownType."""
    if event.get_type() not in set(ImageEventType):
        raise _of_another_type(event)
    try:
        return ImageEventData.model_validate(event.get_data())
    except ValidationError as error:
        raise NotOurs(f"unreadable data: {error}") from error


def _of_another_type(event: CloudEvent) -> NotOurs | UnknownType:
    named = f"type is {event.get_type()!r}"
    return UnknownType(named) if event.get_type().startswith(OUR_TYPES) else NotOurs(named)


def _classification_requested(event: CloudEvent) -> BlobCreated:
    try:
        data = ClassificationRequested.model_validate(event.get_data())
    except ValidationError as error:
        raise NotOurs(f"unreadable data: {error}") from error
    return BlobCreated(
        container=CONTAINER,
        blob=data.blob,
        etag=data.etag,
        content_type="",
        content_length=0,
        api="",
        sequencer="",
        event_id=event.get_id(),
        request=data.request,
    )


def _container_and_blob(subject: str) -> tuple[str, str]:
    # One documented sample lacks the leading slash.
    parts = subject.lstrip("/").split("/", 5)
    match parts:
        case ["blobServices", "default", "containers", container, "blobs", blob] if container and blob:
            return container, unquote(blob)
        case _:
            raise NotOurs(f"subject is not a blob: {subject!r}")


def _int(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
