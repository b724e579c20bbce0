"""Entries, cursors, moments, words."""

import base64
import json
from datetime import timedelta

import pytest

from services.contracts.records import ImageRecord
from services.query.domain import (
    InvalidQuery,
    Position,
    Query,
    Sort,
    decode_cursor,
    encode_cursor,
    entry_of,
    parse_moment,
    search_words,
    version_of,
)
from tests.support.records import BEGINNING, classified, received, reviewed

ID = "0" * 32


def test_an_entry_has_what_is_searched() -> None:
    record = reviewed(
        classified(1, tags={"Car": 0.9, "car ": 0.95}, labels={"vehicle": 0.7}, caption="a car", text="A\nB"),
        ["Vehicle", "total loss"],
    )
    entry = entry_of(record)
    assert entry.tags == {"car": 0.95}
    assert entry.labels == {"vehicle": 1.0, "total loss": 1.0}
    assert entry.confidence == 0.7
    assert (entry.caption, entry.text) == ("a car", "A\nB")
    assert entry.received_at == "2026-11-22T12:00:01.000Z"
    assert entry.classified_at == "2026-11-22T12:00:03.000Z"
    assert ImageRecord.model_validate_json(entry.record) == record


def test_confidence_without_labels_is_that_of_the_surest_tag() -> None:
    assert entry_of(classified(tags={"a": 0.2, "b": 0.4})).confidence == 0.4
    assert entry_of(received()).confidence == 0.0


def test_versions_grow_with_the_record() -> None:
    again = received(1, at=BEGINNING + timedelta(days=1))
    states = [received(1), classified(1), reviewed(classified(1), ["x"]), again]
    versions = [version_of(state) for state in states]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        (Sort.NEWEST, "2026-11-22T12:00:01.000Z"),
        (Sort.LATEST_CLASSIFIED, ""),
        (Sort.MOST_CONFIDENT, 0.1 + 0.2),
    ],
)
def test_a_cursor_comes_back(sort: Sort, value: str | float) -> None:
    query = Query(text="car", tags=("a", "b"), sort=sort)
    assert decode_cursor(query, encode_cursor(query, Position(value, ID))) == Position(value, ID)


def test_the_order_of_tags_does_not_matter_to_a_cursor() -> None:
    cursor = encode_cursor(Query(tags=("a", "b")), Position("2026-11-22T12:00:01.000Z", ID))
    assert decode_cursor(Query(tags=("b", "a")), cursor).id == ID


@pytest.mark.parametrize(
    "other",
    [
        Query(text="x"),
        Query(tags=("a",)),
        Query(claim_id="C-1"),
        Query(min_confidence=0.0),
        Query(needs_review=False),
        Query(sort=Sort.OLDEST),
    ],
)
def test_a_cursor_of_another_query_is_refused(other: Query) -> None:
    cursor = encode_cursor(Query(), Position("2026-11-22T12:00:01.000Z", ID))
    with pytest.raises(InvalidQuery, match="another query"):
        decode_cursor(other, cursor)


def forged(**parts: object) -> str:
    good = {"q": Query().fingerprint, "s": "2026-11-22T12:00:01.000Z", "i": ID}
    return base64.urlsafe_b64encode(json.dumps({**good, **parts}).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "ä",
        "A" * 500,
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        forged(s=1.5),
        forged(s=None),
        forged(s="\ud800"),
        forged(s="2026"),
        forged(i="x"),
        forged(i=5),
        forged(i="G" * 32),
        forged(q=None),
    ],
)
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidQuery, match="cursor"):
        decode_cursor(Query(), cursor)


@pytest.mark.parametrize("value", ["x", True, "NaN"])
def test_a_cursor_by_confidence_needs_a_number(value: object) -> None:
    query = Query(sort=Sort.MOST_CONFIDENT)
    raw = json.dumps({"q": query.fingerprint, "s": value, "i": ID}).replace('"NaN"', "NaN")
    with pytest.raises(InvalidQuery):
        decode_cursor(query, base64.urlsafe_b64encode(raw.encode()).decode())


@pytest.mark.parametrize(
    ("text", "end", "moment"),
    [
        ("2026-11-22", False, "2026-11-22T00:00:00.000Z"),
        ("2026-11-22", True, "2026-11-23T00:00:00.000Z"),
        ("2026-11-22T17:05:00Z", True, "2026-11-22T17:05:00.000Z"),
        ("2026-11-22T17:05:00+02:00", False, "2026-11-22T15:05:00.000Z"),
    ],
)
def test_moments(text: str, end: bool, moment: str) -> None:
    assert parse_moment("from", text, end=end) == moment


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "2026-13-01",
        "2026-11-22T17:05:00",
        "20261122",
        "2026-W47-7",
        "9999-12-31",
        "0001-01-01T00:00:00+14:00",
        "2026-11-22Z",
        "",
    ],
)
def test_what_is_no_moment_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidQuery, match=r"^to: "):
        parse_moment("to", text, end=True)


def test_words_are_few_and_can_match() -> None:
    assert search_words('  a "b" !? c\x00d ') == ("a", '"b"', "c", "d")
    assert len(search_words("w " * 500)) == 16
