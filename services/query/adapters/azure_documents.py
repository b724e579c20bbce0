"""What Azure AI Search is told: its index, documents, filters and query texts. No I/O.

Sources: azure-search-documents 12.0.0 (api-version 2026-04-01); Azure's OData and simple query syntax references.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from azure.search.documents.indexes.models import (
    ComplexField,
    SearchableField,
    SearchField,
    SearchFieldDataType,
    SearchIndex,
    SimpleField,
)

from services.query.domain import Entry, Position, Query
from services.query.likeness import Likeness, bands, near_bands

MARKER: Final = "complete"
"""Id of the document that says that the index is complete. It has no status, so that no filter finds it."""

PICTURES: Final = "status ne null"

_TEXT: Final = "en.lucene"
_STRING: Final = SearchFieldDataType.STRING


def index_definition(name: str) -> SearchIndex:
    """Times are text of equal length (records.rfc3339): they compare as times do, and come back as they were.

    Every searchable field has the same analyzer: with others, a word that one of them leaves out matches nothing.
    """
    return SearchIndex(
        name=name,
        fields=[
            SimpleField(name="id", type=_STRING, key=True, filterable=True, sortable=True),
            SimpleField(name="version", type=_STRING),
            SimpleField(name="record", type=_STRING),
            SearchableField(name="claim_id", type=_STRING, filterable=True, analyzer_name=_TEXT),
            SimpleField(name="status", type=_STRING, filterable=True, facetable=True),
            SimpleField(name="received_at", type=_STRING, filterable=True, sortable=True),
            SimpleField(name="classified_at", type=_STRING, filterable=True, sortable=True),
            SimpleField(name="confidence", type=SearchFieldDataType.DOUBLE, filterable=True, sortable=True),
            SimpleField(name="needs_review", type=SearchFieldDataType.BOOLEAN, filterable=True),
            SearchableField(name="caption", type=_STRING, analyzer_name=_TEXT),
            SearchableField(name="text", type=_STRING, analyzer_name=_TEXT),
            SimpleField(name="sha256", type=_STRING, filterable=True),
            SimpleField(name="phash", type=_STRING),
            SimpleField(name="bands", type=_STRING, collection=True, filterable=True),
            *_names("tags", "tag_scores"),
            *_names("labels", "label_scores"),
        ],
    )


def _names(names: str, scores: str) -> list[SearchField]:
    return [
        SearchableField(
            name=names, type=_STRING, collection=True, filterable=True, facetable=True, analyzer_name=_TEXT
        ),
        ComplexField(
            name=scores,
            collection=True,
            fields=[
                SimpleField(name="name", type=_STRING, filterable=True),
                SimpleField(name="confidence", type=SearchFieldDataType.DOUBLE, filterable=True),
            ],
        ),
    ]


def document(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "version": entry.version,
        "record": entry.record,
        "claim_id": entry.claim_id,
        "status": str(entry.status),
        "received_at": entry.received_at,
        "classified_at": entry.classified_at,
        "confidence": entry.confidence,
        "needs_review": entry.needs_review,
        "caption": entry.caption,
        "text": entry.text,
        "sha256": entry.sha256,
        "phash": entry.phash,
        "bands": [_band(band) for band in bands(entry.phash)] if entry.phash else [],
        "tags": list(entry.tags),
        "tag_scores": _scores(entry.tags),
        "labels": list(entry.labels),
        "label_scores": _scores(entry.labels),
    }


def _scores(names: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{"name": name, "confidence": confidence} for name, confidence in names.items()]


def query_text(words: tuple[str, ...]) -> str:
    """Simple query syntax for: all of these words, the last one as a beginning. Only letters and digits get into it."""
    parts = [re.findall(r"[^\W_]+", word) for word in words]
    clauses = [f'"{" ".join(tokens)}"' for tokens in parts]
    *before, last = parts[-1]
    if before:
        clauses.insert(-1, f'"{" ".join(before)}"')
    # A beginning is not analysed, a whole word is: "vehicles" is kept as "vehicl", and only the second finds it.
    clauses[-1] = f'("{last}" | {last.lower()}*)'
    return " + ".join(clauses)


def filter_text(query: Query, after: Position | None = None) -> str:
    """OData. With ``after``, only what comes behind that position in the query's order."""
    conditions = [PICTURES]
    for names, scores, asked in (
        ("tags", "tag_scores", query.tags),
        ("labels", "label_scores", query.labels),
    ):
        for name in asked:
            conditions.append(
                f"{names}/any(n: n eq {_literal(name)})"
                if query.min_confidence is None
                else f"{scores}/any(n: n/name eq {_literal(name)}"
                f" and n/confidence ge {_literal(query.min_confidence)})"
            )
    if query.min_confidence is not None and not query.tags and not query.labels:
        conditions.append(f"confidence ge {_literal(query.min_confidence)}")
    if query.claim_id is not None:
        conditions.append(f"claim_id eq {_literal(query.claim_id)}")
    if query.status is not None:
        conditions.append(f"status eq {_literal(str(query.status))}")
    if query.needs_review is not None:
        conditions.append(f"needs_review eq {json.dumps(query.needs_review)}")
    if query.received_from is not None:
        conditions.append(f"received_at ge {_literal(query.received_from)}")
    if query.received_before is not None:
        conditions.append(f"received_at lt {_literal(query.received_before)}")
    if after is not None:
        field, beyond, value = (
            query.sort.field,
            "lt" if query.sort.descending else "gt",
            _literal(after.value),
        )
        same = f"{field} eq {value} and id {beyond} {_literal(after.id)}"
        conditions.append(f"({field} {beyond} {value} or ({same}))")
    return " and ".join(conditions)


def alike_filter(of: Likeness, max_distance: int) -> str:
    """OData for the pictures that can be so near, and some that are not."""
    near = f"sha256 eq {_literal(of.sha256)}"
    if of.phash:
        wanted = ",".join(map(_band, near_bands(of.phash, max_distance)))
        near = f"({near} or bands/any(n: search.in(n, '{wanted}', ',')))"
    return f"{PICTURES} and id ne {_literal(of.id)} and {near}"


def _band(band: int) -> str:
    return f"{band:05x}"


def order(query: Query) -> list[str]:
    direction = "desc" if query.sort.descending else "asc"
    return [f"{query.sort.field} {direction}", f"id {direction}"]


def _literal(value: str | float) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else json.dumps(float(value))
