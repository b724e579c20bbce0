"""Searching the SQLite index: from a Query to SQL. What a user wrote is only ever a bound value."""

import heapq
import sqlite3
from array import array
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from services.contracts.records import Status
from services.query.domain import FACET_SIZE, Facets, Page, Position, Query, Sort, SortValue

KEPT_FACETS: Final = 64

MANY: Final = 2000
"""Matches from which a page is found by probing."""

_WORDS: Final = "key IN (SELECT rowid FROM words WHERE words MATCH ?)"
_TERM: Final = "(SELECT term FROM terms WHERE kind = ? AND name = ?) AND image_terms.confidence >= ?"
_LIST: Final = (_WORDS, f"key IN (SELECT key FROM image_terms WHERE term = {_TERM})")
# The plus keeps SQLite from going through the list instead of the pictures.
_PROBE: Final = (
    f"+{_WORDS}",
    f"EXISTS (SELECT 1 FROM image_terms WHERE image_terms.key = images.key AND term = {_TERM})",
)

_FIELDS: Final = frozenset({"received_at", "classified_at", "confidence"})


class FacetCache:
    """Facets of the latest queries, until the index changes: following pages need them again. For one connection."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Query, Facets] = OrderedDict()
        self._version = -1

    def of(self, db: sqlite3.Connection, query: Query) -> Facets:
        """To be called in a transaction."""
        # Changes when another connection has written. The read before it pins what this transaction sees.
        db.execute("SELECT count(*) FROM facts").fetchone()
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._kept.clear()
            self._version = version
        key = replace(query, sort=Sort.NEWEST)
        facets = self._kept.pop(key, None) or _facets(db, query)
        self._kept[key] = facets
        if len(self._kept) > KEPT_FACETS:
            self._kept.popitem(last=False)
        return facets


def search(
    db: sqlite3.Connection, cache: FacetCache, query: Query, limit: int, after: Position | None
) -> Page:
    """One page, the total, and the facets, all of one state of the index."""
    db.execute("BEGIN")
    try:
        facets = cache.of(db, query)
        total = sum(facets.status.values())
        rows = _page(db, query, limit, after, many=total > MANY)
    finally:
        db.execute("COMMIT")
    more = len(rows) > limit
    rows = rows[:limit]
    following = Position(rows[-1][1], rows[-1][2]) if more else None
    return Page([row[0] for row in rows], following, total, facets)


def counts(db: sqlite3.Connection, kind: str, status: Status | None, limit: int) -> Mapping[str, int]:
    """Names of a kind → pictures, from the counts that are kept; all states together, or one."""
    sql = (
        "SELECT name, sum(n) AS total FROM terms JOIN term_counts USING (term)"
        f" WHERE kind = ? {'AND status = ?' if status else ''}"
        " GROUP BY term HAVING total > 0 ORDER BY total DESC, name LIMIT ?"
    )
    return dict(db.execute(sql, (kind, *([status] if status else []), limit)).fetchall())


def match_expression(words: tuple[str, ...]) -> str:
    """FTS5 syntax for: all of these words, the last one as a beginning. A quoted string is never syntax."""
    quoted = ['"' + word.replace('"', '""') + '"' for word in words]
    return " ".join(quoted) + "*"


def _conditions(query: Query, *, probe: bool = False) -> tuple[str, list[Any]]:
    """With ``probe`` each picture is asked whether it matches; else the matches are listed first.

    Listing suits counting, and finding few. When many match, going through the pictures in their order and asking
    each is done after a page: 0.1 ms instead of 35 for a page of a tag that every second of 100,000 pictures has.
    """
    words, terms = _PROBE if probe else _LIST
    where: list[str] = []
    values: list[Any] = []

    def add(condition: str, *given: Any) -> None:
        where.append(condition)
        values.extend(given)

    if query.text is not None:
        if query.words:
            add(words, match_expression(query.words))
        else:
            add("0")
    for kind, names in (("tag", query.tags), ("label", query.labels)):
        for name in names:
            add(terms, kind, name, query.min_confidence or 0.0)
    if query.min_confidence is not None and not query.tags and not query.labels:
        add("confidence >= ?", query.min_confidence)
    if query.claim_id is not None:
        add("claim_id = ?", query.claim_id)
    if query.status is not None:
        add("status = ?", query.status)
    if query.needs_review is not None:
        add("needs_review" if query.needs_review else "NOT needs_review")
    if query.received_from is not None:
        add("received_at >= ?", query.received_from)
    if query.received_before is not None:
        add("received_at < ?", query.received_before)
    return " AND ".join(where) or "1", values


def _page(
    db: sqlite3.Connection, query: Query, limit: int, after: Position | None, *, many: bool
) -> list[tuple[str, SortValue, str]]:
    where, values = _conditions(query, probe=many)
    field = query.sort.field
    assert field in _FIELDS
    order, beyond = ("DESC", "<") if query.sort.descending else ("ASC", ">")
    if after is not None:
        where = f"{where} AND ({field}, id) {beyond} (?, ?)"
        values = [*values, after.value, after.id]
    sql = (
        f"SELECT record, value, id FROM (SELECT key, {field} AS value, id FROM images WHERE {where}"
        f" ORDER BY {field} {order}, id {order} LIMIT ?) JOIN records USING (key) ORDER BY value {order}, id {order}"
    )
    return db.execute(sql, [*values, limit + 1]).fetchall()


def _facets(db: sqlite3.Connection, query: Query) -> Facets:
    where, values = _conditions(query)
    if query == Query(status=query.status, sort=query.sort):
        sql = f"SELECT status, count(*) FROM images WHERE {where} GROUP BY status"
        status = Counter(dict(db.execute(sql, values).fetchall()))
        tag, label = (counts(db, kind, query.status, FACET_SIZE) for kind in ("tag", "label"))
        return Facets(tag, label, dict(status.most_common()))
    # Counting here what SQLite would sort is several times faster: half a million terms in 50 ms.
    rows = db.execute(f"SELECT status, terms FROM images WHERE {where}", values).fetchall()
    status = Counter(row[0] for row in rows)
    terms = Counter(array("I", b"".join([row[1] for row in rows])))
    names: dict[str, list[tuple[int, str]]] = {"tag": [], "label": []}
    for term, kind, name in db.execute("SELECT term, kind, name FROM terms"):
        if n := terms[term]:
            names[kind].append((-n, name))
    tag, label = (
        {name: -n for n, name in heapq.nsmallest(FACET_SIZE, names[kind])} for kind in ("tag", "label")
    )
    return Facets(tag, label, dict(status.most_common()))
