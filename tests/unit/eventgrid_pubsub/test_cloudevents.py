"""Events as bytes."""

import base64
import json

import pytest

from components.eventgrid_pubsub.cloudevents import MAX_EVENT_BYTES, RAW_MARK, read_head, to_publish, unwrap
from components.eventgrid_pubsub.errors import InvalidEvent
from tests.support.fake_event_grid import event


def test_a_structured_event_stays_as_it_is() -> None:
    body = (
        b'{ "specversion":"1.0","id":"1","source":"/s","type":"t","myext":7,\n'
        b'  "traceparent":"00-aa-bb-01","data":{"big":123456789012345678901234567890,"pi":3.10} }'
    )
    assert to_publish(body, {}) is body
    assert read_head(body).traceparent == "00-aa-bb-01"


def test_raw_bytes_are_wrapped_and_come_back() -> None:
    body = to_publish(b"\x00\xffnot json", {"rawPayload": "true"}, pubsub="image-events")
    wrapped = json.loads(body)
    assert wrapped[RAW_MARK] is True
    assert wrapped["source"] == "image-events"
    assert wrapped["datacontenttype"] == "application/octet-stream"
    assert base64.b64decode(wrapped["data_base64"]) == b"\x00\xffnot json"
    assert unwrap(body) == (b"\x00\xffnot json", "application/octet-stream")
    assert read_head(body).daprrawpayload


def test_raw_json_that_is_no_event_is_wrapped_too() -> None:
    body = to_publish(b'{"id": "mine"}', {}, "application/json")
    assert unwrap(body) == (b'{"id": "mine"}', "application/json")


def test_binary_mode_takes_its_attributes_from_metadata() -> None:
    metadata = {
        "ce_id": "1",
        "CE-Type": "t",
        "ce_source": "/s",
        "ce_myext": "x",
        "content-type": "application/json",
    }
    body = to_publish(b'{"big": 123456789012345678901234567890}', metadata)
    assert b'"data":{"big": 123456789012345678901234567890}' in body
    sent = json.loads(body)
    assert {name: sent[name] for name in ("id", "type", "source", "myext", "datacontenttype")} == {
        "id": "1",
        "type": "t",
        "source": "/s",
        "myext": "x",
        "datacontenttype": "application/json",
    }
    assert RAW_MARK not in sent


def test_binary_mode_with_bytes() -> None:
    sent = json.loads(to_publish(b"\x89PNG", {"ce_type": "t", "contentType": "image/png"}))
    assert sent["datacontenttype"] == "image/png"
    assert base64.b64decode(sent["data_base64"]) == b"\x89PNG"


def test_binary_mode_with_data_that_is_not_the_json_it_says() -> None:
    with pytest.raises(InvalidEvent, match="not the JSON"):
        to_publish(b"nope", {"ce_type": "t", "content-type": "application/json"})


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_an_event_without_a_required_attribute_is_refused_by_name(missing: str) -> None:
    broken = event()
    broken[missing] = ""
    with pytest.raises(InvalidEvent, match=missing):
        read_head(json.dumps(broken).encode())
    del broken[missing]
    with pytest.raises(InvalidEvent, match=missing):
        to_publish(json.dumps(broken).encode(), {}, "application/cloudevents+json")


def test_what_claims_to_be_an_event_is_not_wrapped() -> None:
    with pytest.raises(InvalidEvent, match="id"):
        to_publish(b'{"specversion":"1.0","type":"t","source":"/s"}', {})


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"{", b'{"id": 1}', b""])
def test_no_events(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        read_head(body)


def test_over_a_megabyte_is_refused_with_its_size() -> None:
    room = MAX_EVENT_BYTES - len(json.dumps(event(data="")).encode())
    fits = json.dumps(event(data="x" * room)).encode()
    assert len(to_publish(fits, {})) == MAX_EVENT_BYTES
    with pytest.raises(InvalidEvent, match=f"{MAX_EVENT_BYTES + 1} bytes"):
        to_publish(json.dumps(event(data="x" * (room + 1))).encode(), {})


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="utf-8"):
        to_publish(b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"\xff"}', {})
