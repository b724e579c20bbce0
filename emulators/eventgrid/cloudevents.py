"""What a publisher may send, and how it is kept: CloudEvents 1.0 in the JSON event format.

Structured (one event), batch, and binary (``ce-*`` headers) content modes. An event is kept as one line of JSON.
Source: CloudEvents 1.0.2 core, JSON format and HTTP binding; limits from the Event Grid quotas page.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import orjson

from emulators.eventgrid.errors import BadRequest, PayloadTooLarge

MAX_EVENT_BYTES = 1024 * 1024
MAX_BATCH_EVENTS = 1000
DEAD_LETTER_ATTRIBUTE = "deadletterproperties"

_REQUIRED = ("id", "source", "type", "specversion")
_OPTIONAL = {"time", "subject", "datacontenttype", "dataschema"}
_KNOWN = {*_REQUIRED, *_OPTIONAL, "data", "data_base64"}
_EXTENSION = re.compile(r"[a-z0-9]+")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
# Attribute names repeat from event to event: each is checked once.
_good_extensions: set[str] = set()


def parse_structured(body: bytes) -> list[bytes]:
    """One event in structured mode. Raises BadRequest."""
    return [_keep(_load(body), "event")]


def parse_batch(body: bytes) -> list[bytes]:
    """An array of events. Raises BadRequest and PayloadTooLarge."""
    events = _load(body)
    if not isinstance(events, list):
        raise BadRequest("A batch must be a JSON array of CloudEvents.")
    if not events:
        raise BadRequest("A batch must hold at least one event.")
    if len(events) > MAX_BATCH_EVENTS:
        raise PayloadTooLarge(f"A batch holds at most {MAX_BATCH_EVENTS} events; this one has {len(events)}.")
    return [_keep(event, f"event {index}") for index, event in enumerate(events)]


def parse_binary(headers: Mapping[str, str], content_type: str, body: bytes) -> list[bytes]:
    """An event whose attributes are ``ce-*`` headers (lower-case names): JSON becomes ``data``, all else
    ``data_base64``. Raises BadRequest."""
    event: dict[str, Any] = {
        name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    if event.keys() & {"data", "data_base64", "datacontenttype"}:
        raise BadRequest(
            "Headers ce-data, ce-data_base64 and ce-datacontenttype are not CloudEvents attributes."
        )
    if content_type:
        event["datacontenttype"] = content_type
    if body:
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type.endswith(("/json", "+json")):
            event["data"] = _load(body)
        else:
            event["data_base64"] = base64.b64encode(body).decode()
    return [_keep(event, "event")]


def with_dead_letter(body: bytes, properties: Mapping[str, Any]) -> bytes:
    """The stored event ``body`` as it was, with why and when it died beside its own attributes."""
    if b'"' + DEAD_LETTER_ATTRIBUTE.encode() + b'"' in body:
        return orjson.dumps({**orjson.loads(body), DEAD_LETTER_ATTRIBUTE: properties})
    return b'%b,"%b":%b}' % (body[:-1], DEAD_LETTER_ATTRIBUTE.encode(), orjson.dumps(properties))


def _load(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error


def _keep(event: Any, what: str) -> bytes:
    _check(event, what)
    body = orjson.dumps(event)
    if len(body) > MAX_EVENT_BYTES:
        raise PayloadTooLarge(f"The {what} has {len(body)} bytes; an event has at most {MAX_EVENT_BYTES}.")
    return body


def _check(event: Any, what: str) -> None:
    if not isinstance(event, dict):
        raise BadRequest(f"The {what} is not a JSON object.")
    for name in _REQUIRED:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            raise BadRequest(f"The {what} needs a non-empty string {name!r}.")
    if event["specversion"] != "1.0":
        raise BadRequest(f"The {what} has specversion {event['specversion']!r}; only '1.0' is supported.")
    for name in event.keys() - _KNOWN:
        _check_extension(name, event[name], what)
    for name in event.keys() & _OPTIONAL:
        value = event[name]
        if value is not None and (not isinstance(value, str) or not value):
            raise BadRequest(f"The {what} has a {name!r} that is not a non-empty string.")
    if event.get("time") and not _is_time(event["time"]):
        raise BadRequest(f"The {what} has a 'time' that is not an RFC 3339 timestamp.")
    if "data_base64" in event:
        if "data" in event:
            raise BadRequest(f"The {what} has both 'data' and 'data_base64'.")
        value = event["data_base64"]
        if not isinstance(value, str) or not _BASE64.fullmatch(value):
            raise BadRequest(f"The {what} has a 'data_base64' that is not base64.")


def _check_extension(name: str, value: Any, what: str) -> None:
    if name not in _good_extensions:
        if not _EXTENSION.fullmatch(name):
            raise BadRequest(
                f"The {what} has the attribute {name!r}; only a-z and 0-9 are allowed in a name."
            )
        if len(_good_extensions) < 10_000:
            _good_extensions.add(name)
    # Dead letters that are published again carry an object there, as the service writes it.
    if isinstance(value, (dict, list, float)) and name != DEAD_LETTER_ATTRIBUTE:
        raise BadRequest(
            f"The {what} has the attribute {name!r} that is not a string, an integer or a boolean."
        )


def _is_time(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(f"{text[:10]}T{text[11:19]}")
    except ValueError:
        return text[17:19] == "60"
    return True
