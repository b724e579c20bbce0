import base64
from typing import Any

import orjson
import pytest

from emulators.eventgrid.cloudevents import (
    MAX_EVENT_BYTES,
    parse_batch,
    parse_binary,
    parse_structured,
    with_dead_letter,
)
from emulators.eventgrid.errors import BadRequest, PayloadTooLarge
from tests.unit.emulator_eventgrid.harness import event


def _kept(**attributes: Any) -> dict[str, Any]:
    kept: dict[str, Any] = orjson.loads(parse_structured(orjson.dumps(event("1", **attributes)))[0])
    return kept


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"time": "2026-01-02T03:04:05Z", "subject": "s", "datacontenttype": "text/plain", "dataschema": "/x"},
        {"time": "2026-01-02T03:04:05.123456789+01:00"},
        {"data": {"a": [1, None, "ü\n"]}},
        {"data": None},
        {"data": 1.5},
        {"data_base64": "AAE="},
        {"traceparent": "00-1-2-01", "number": 5, "flag": True},
        {"deadletterproperties": {"deliveryattempts": 3}},
    ],
)
def test_an_event_is_kept_as_it_is(attributes: dict[str, Any]) -> None:
    assert _kept(**attributes) == event("1", **attributes)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": None}, "'id'"),
        ({"id": ""}, "'id'"),
        ({"source": 5}, "'source'"),
        ({"type": {}}, "'type'"),
        ({"specversion": "0.3"}, "only '1.0' is supported"),
        ({"specversion": 1.0}, "'specversion'"),
        ({"time": "yesterday"}, "RFC 3339"),
        ({"time": "2026-13-02T03:04:05Z"}, "RFC 3339"),
        ({"time": "2026-01-02 03:04:05"}, "RFC 3339"),
        ({"subject": 5}, "'subject'"),
        ({"Bad_Name": "x"}, "'Bad_Name'"),
        ({"ext": {"a": 1}}, "'ext'"),
        ({"ext": 1.5}, "'ext'"),
        ({"data_base64": "?"}, "not base64"),
        ({"data_base64": 5}, "not base64"),
        ({"data": 1, "data_base64": "AAE="}, "both"),
    ],
)
def test_what_is_no_cloudevent(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        _kept(**change)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"x"'])
def test_a_body_that_is_no_event(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_structured(body)


def test_a_batch_names_the_event_that_is_wrong() -> None:
    with pytest.raises(BadRequest, match="event 1 needs a non-empty string 'id'"):
        parse_batch(orjson.dumps([event("1"), event("")]))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"[5]"])
def test_a_body_that_is_no_batch(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_batch(body)


def test_a_batch_has_at_most_a_thousand_events() -> None:
    assert len(parse_batch(orjson.dumps([event(str(n)) for n in range(1000)]))) == 1000
    with pytest.raises(PayloadTooLarge, match="at most 1000 events; this one has 1001"):
        parse_batch(orjson.dumps([event(str(n)) for n in range(1001)]))


def test_an_event_has_at_most_a_megabyte() -> None:
    with pytest.raises(PayloadTooLarge, match="an event has at most 1048576"):
        _kept(data="x" * MAX_EVENT_BYTES)


HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/tests", "ce-type": "test.event", "host": "x"}


def test_binary_mode_with_json() -> None:
    headers = {**HEADERS, "ce-subject": "a%20b", "ce-traceparent": "00-1-2-01"}
    kept = orjson.loads(parse_binary(headers, "application/json; charset=utf-8", b'{"a": 1}')[0])
    assert kept == event(
        "1",
        subject="a b",
        traceparent="00-1-2-01",
        datacontenttype="application/json; charset=utf-8",
        data={"a": 1},
    )


@pytest.mark.parametrize("media_type", ["text/plain", "application/octet-stream", "image/jpeg"])
def test_binary_mode_with_anything_else(media_type: str) -> None:
    kept = orjson.loads(parse_binary(HEADERS, media_type, b"\xff\x00")[0])
    assert kept["datacontenttype"] == media_type
    assert base64.b64decode(kept["data_base64"]) == b"\xff\x00"
    assert "data" not in kept


def test_binary_mode_without_data() -> None:
    assert orjson.loads(parse_binary(HEADERS, "", b"")[0]) == event("1")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({**HEADERS, "ce-id": ""}, b""),
        ({**HEADERS, "ce-data": "x"}, b""),
        ({**HEADERS, "ce-datacontenttype": "x"}, b""),
        (HEADERS, b"{"),
    ],
)
def test_binary_mode_that_is_wrong(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_binary(headers, "application/json", body)


def test_a_dead_letter_is_the_event_as_it_was() -> None:
    body = orjson.dumps(event("1", data={"b": 1, "a": [1.0, "ü"]}))
    dead = with_dead_letter(body, {"deliveryattempts": 3})
    assert dead.startswith(body[:-1])
    assert orjson.loads(dead) == {**orjson.loads(body), "deadletterproperties": {"deliveryattempts": 3}}
    again = with_dead_letter(dead, {"deliveryattempts": 1})
    assert orjson.loads(again) == {**orjson.loads(body), "deadletterproperties": {"deliveryattempts": 1}}
