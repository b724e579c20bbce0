"""CloudEvents as bytes: read just far enough, never re-written.

An event goes from daprd to Event Grid and from Event Grid to daprd as the bytes it came in, so that numbers keep their
digits and extensions their order.

Data that is no CloudEvent (Dapr's ``rawPayload``) is wrapped into one that carries the mark ``daprrawpayload``; a
subscriber that asks for raw payloads gets the bytes back, any other one gets the CloudEvent. Attributes of a CloudEvent
in binary mode are taken from metadata keys that begin with ``ce_`` or ``ce-``.
"""

import base64
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from components.eventgrid_pubsub.errors import InvalidEvent

MAX_EVENT_BYTES = 1024 * 1024
MAX_BATCH_EVENTS = 1_000
CONTENT_TYPE = "application/cloudevents+json"
RAW_MARK = "daprrawpayload"
REQUIRED = ("id", "source", "type", "specversion")
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,64}")
_JSON_TYPE = re.compile(r"(application|text)/(json|[^;]*\+json)\s*(;.*)?", re.IGNORECASE)


class Head(msgspec.Struct, gc=False):
    """What the component needs to know of an event."""

    id: str
    source: str
    type: str
    specversion: str
    time: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    daprrawpayload: Any = None


class _Wrapped(msgspec.Struct, gc=False):
    datacontenttype: str = "application/octet-stream"
    data_base64: str = ""


_head = msgspec.json.Decoder(Head)
_wrapped = msgspec.json.Decoder(_Wrapped)
_anything = msgspec.json.Decoder()


def read_head(event: bytes | msgspec.Raw) -> Head:
    """The attributes of a structured CloudEvent. Raises InvalidEvent that says what is wrong with it."""
    try:
        head = _head.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidEvent(f"not a CloudEvent 1.0 in JSON: {error}") from None
    if not (head.id and head.source and head.type and head.specversion):
        empty = next(name for name in REQUIRED if not getattr(head, name))
        raise InvalidEvent(f"not a CloudEvent 1.0: attribute {empty} is empty")
    return head


def unwrap(event: bytes) -> tuple[bytes, str]:
    """The raw payload of an event marked with ``daprrawpayload``, and its content type."""
    wrapped = _wrapped.decode(event)
    return base64.b64decode(wrapped.data_base64), wrapped.datacontenttype


def to_publish(data: bytes, metadata: Mapping[str, str], content_type: str = "", pubsub: str = "") -> bytes:
    """The bytes to publish for what daprd handed over.

    A structured CloudEvent stays as it is; anything else is wrapped. Raises InvalidEvent for what declares itself a
    CloudEvent and is none, and for what is over 1 MB.
    """
    try:
        read_head(data)
        event = data
    except InvalidEvent:
        if content_type.startswith(CONTENT_TYPE) or _claims_to_be_an_event(data):
            raise
        event = _wrap(data, metadata, content_type, pubsub)
    if len(event) > MAX_EVENT_BYTES:
        raise InvalidEvent(
            f"the event has {len(event)} bytes; Event Grid takes at most {MAX_EVENT_BYTES} (1 MB) an event"
        )
    if not event.isascii():
        try:
            event.decode()
        except UnicodeDecodeError as error:
            raise InvalidEvent(f"not a CloudEvent 1.0 in JSON: {error}") from None
    return event


def _claims_to_be_an_event(data: bytes) -> bool:
    if not data.lstrip().startswith(b"{") or b'"specversion"' not in data:
        return False
    try:
        return "specversion" in _anything.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _wrap(data: bytes, metadata: Mapping[str, str], content_type: str, pubsub: str) -> bytes:
    lowered = {key.lower().replace("-", "_"): value for key, value in metadata.items()}
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": pubsub or "Dapr",
        "type": "com.dapr.event.sent",
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    binary_mode = False
    for key, value in lowered.items():
        name = key.removeprefix("ce_")
        if name != key and _ATTRIBUTE.fullmatch(name) and value:
            attributes[name] = value
            binary_mode = True
    declared = content_type or lowered.get("content_type") or lowered.get("contenttype")
    attributes.setdefault("datacontenttype", declared or "application/octet-stream")
    if binary_mode and _JSON_TYPE.fullmatch(attributes["datacontenttype"]):
        try:
            attributes["data"] = _anything.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvalidEvent(f"the data is not the JSON that its content type declares: {error}") from None
        attributes["data"] = msgspec.Raw(data)
    else:
        attributes["data_base64"] = base64.b64encode(data).decode()
        if not binary_mode:
            attributes[RAW_MARK] = True
    return msgspec.json.encode(attributes)
