"""What is searched and how: index entries, queries, cursors. Pure."""

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from services.contracts.identity import IMAGE_ID
from services.contracts.records import ImageRecord, Status, rfc3339
from services.query.likeness import likeness_of

FACET_SIZE: Final = 50
MAX_WORDS: Final = 16
MAX_CURSOR: Final = 512

_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class InvalidQuery(ValueError):
    """What was asked cannot be understood; the text says what is wrong and what is allowed."""


class Sort(StrEnum):
    """A leading minus is descending. Pictures never classified come after the others in ``-classified_at``."""

    NEWEST = "-received_at"
    OLDEST = "received_at"
    LATEST_CLASSIFIED = "-classified_at"
    FIRST_CLASSIFIED = "classified_at"
    MOST_CONFIDENT = "-confidence"
    LEAST_CONFIDENT = "confidence"

    @property
    def field(self) -> str:
        return self.value.lstrip("-")

    @property
    def descending(self) -> bool:
        return self.value.startswith("-")


SortValue = str | float


@dataclass(frozen=True)
class Position:
    """The last item that was seen: its value of the sort field, and its id."""

    value: SortValue
    id: str


@dataclass(frozen=True)
class Query:
    """All conditions must hold. ``received_from`` is inclusive, ``received_before`` is not; both as ``rfc3339`` writes.

    ``tags`` and ``labels`` are casefolded. ``min_confidence`` is asked of the tags and labels named; with none named,
    of the picture's own confidence.
    """

    text: str | None = None
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    claim_id: str | None = None
    status: Status | None = None
    needs_review: bool | None = None
    min_confidence: float | None = None
    received_from: str | None = None
    received_before: str | None = None
    sort: Sort = Sort.NEWEST

    @property
    def words(self) -> tuple[str, ...]:
        """The words of ``text`` that can match anything; the last one is the beginning of a word."""
        return search_words(self.text or "")

    @property
    def fingerprint(self) -> str:
        """Tells apart queries whose pages must not be mixed."""
        parts = [
            list(self.words) if self.text else None,
            sorted(self.tags),
            sorted(self.labels),
            self.claim_id,
            self.status,
            self.needs_review,
            self.min_confidence,
            self.received_from,
            self.received_before,
            self.sort,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Entry:
    """One picture as the index holds it. Names are casefolded; ``record`` is the record as JSON text, without the
    analyses that others took the place of. ``sha256`` and ``phash`` as in likeness.Likeness.

    ``version`` sorts as text: the later state of a record is the greater. ``confidence`` is that of the machine's
    surest label, or of its surest tag where there is no label, or 0.
    """

    id: str
    version: str
    status: Status
    received_at: str
    record: str
    claim_id: str | None = None
    classified_at: str = ""
    caption: str = ""
    text: str = ""
    confidence: float = 0.0
    tags: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, float] = field(default_factory=dict)
    needs_review: bool = False
    sha256: str = ""
    phash: str | None = None

    def sort_value(self, sort: Sort) -> SortValue:
        value: SortValue = getattr(self, sort.field)
        return value


@dataclass(frozen=True)
class Facets:
    """Name → number of pictures, most frequent first, at most FACET_SIZE of each."""

    tag: Mapping[str, int]
    label: Mapping[str, int]
    status: Mapping[str, int]


@dataclass(frozen=True)
class Page:
    """``records``: JSON texts. ``next``: where the following page begins, or None at the end."""

    records: list[str]
    next: Position | None
    total: int
    facets: Facets


@dataclass(frozen=True)
class Change:
    """A picture changed. ``status`` is None when it is gone."""

    id: str
    status: Status | None
    claim_id: str | None = None


def entry_of(record: ImageRecord) -> Entry:
    """What the index holds of a record. A person's labels are found like the machine's, with confidence 1."""
    analysis, likeness = record.analysis, likeness_of(record)
    tags: dict[str, float] = {}
    labels: dict[str, float] = {}
    for tag in analysis.tags if analysis else ():
        _keep_surest(tags, tag.name, tag.confidence)
    for label in record.labels:
        _keep_surest(labels, label.name, label.confidence)
    confidence = max(labels.values(), default=max(tags.values(), default=0.0))
    for name in record.review.labels if record.review else ():
        _keep_surest(labels, name, 1.0)
    return Entry(
        id=record.id,
        version=version_of(record),
        status=record.status,
        received_at=rfc3339(record.received_at),
        record=record.model_dump_json(exclude_none=True, exclude={"superseded"}),
        claim_id=record.claim_id,
        classified_at=rfc3339(record.classified_at) if record.classified_at else "",
        caption=analysis.caption.text if analysis and analysis.caption else "",
        text="\n".join(line.content for line in analysis.text) if analysis else "",
        confidence=confidence,
        tags=tags,
        labels=labels,
        needs_review=record.needs_review,
        sha256=likeness.sha256,
        phash=likeness.phash,
    )


def version_of(record: ImageRecord) -> str:
    """Sorts as text. ``received_at`` comes first: a picture deleted and sent again begins a new history."""
    times = [entry.at for entry in record.history]
    times += [at for at in (record.classified_at, record.review.at if record.review else None) if at]
    latest = max(times, default=record.received_at)
    return f"{rfc3339(record.received_at)} {len(record.history):06d} {rfc3339(latest)}"


def search_words(text: str) -> tuple[str, ...]:
    """Words between white space and control characters; none without a letter or digit; at most MAX_WORDS."""
    words = re.sub(r"[\x00-\x1f\x7f]", " ", text).split()
    return tuple(word for word in words if any(map(str.isalnum, word)))[:MAX_WORDS]


def encode_cursor(query: Query, position: Position) -> str:
    """An opaque text that ``decode_cursor`` takes for the same query."""
    raw = json.dumps({"q": query.fingerprint, "s": position.value, "i": position.id}, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_cursor(query: Query, cursor: str) -> Position:
    """Raises InvalidQuery for a cursor that is damaged, or that another query or sort order gave."""
    if len(cursor) > MAX_CURSOR:
        raise InvalidQuery("cursor: not one that this service gave")
    try:
        raw = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise InvalidQuery("cursor: not one that this service gave") from error
    match raw:
        case {"q": str(fingerprint), "s": value, "i": str(identifier)} if _valid(value, query.sort):
            pass
        case _:
            raise InvalidQuery("cursor: not one that this service gave")
    if not IMAGE_ID.fullmatch(identifier):
        raise InvalidQuery("cursor: not one that this service gave")
    if fingerprint != query.fingerprint:
        raise InvalidQuery("cursor: given for another query or sort order; begin again without one")
    return Position(value, identifier)


def parse_moment(name: str, text: str, *, end: bool = False) -> str:
    """``YYYY-MM-DD`` or RFC 3339 with an offset, as ``rfc3339`` writes it.

    A date means its first instant, or with ``end`` the first instant after it, so that the whole day counts.
    Raises InvalidQuery, naming the parameter.
    """
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return rfc3339(datetime(day.year, day.month, day.day, tzinfo=UTC))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or "T" not in text.upper():
            raise ValueError("no time with an offset")
        return rfc3339(moment)
    except (ValueError, OverflowError) as error:
        raise InvalidQuery(
            f"{name}: neither a date (2026-11-22) nor an RFC 3339 time with an offset (2026-11-22T17:05:00Z)"
        ) from error


def _keep_surest(found: dict[str, float], name: str, confidence: float) -> None:
    key = name.strip().casefold()
    if key:
        found[key] = max(confidence, found.get(key, 0.0))


def _valid(value: Any, sort: Sort) -> bool:
    match sort.field:
        case "confidence":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case "classified_at":
            return isinstance(value, str) and (value == "" or bool(_TIMESTAMP.fullmatch(value)))
        case _:
            return isinstance(value, str) and bool(_TIMESTAMP.fullmatch(value))
