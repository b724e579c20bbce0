"""Searching the SQLite index: from a Query to SQL. What a user wrote is only ever a bound value."""

import heapq
import sqlite3
from array import array
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from services.contracts.records import Status
from services.query.domain import FACET_SIZE, Facets, Page, Position, Query, SortValue

_FIELDS: Final = frozenset({"received_at", "classified_at", "confidence"})


def search(db: sqlite3.Connection, query: Query, limit: int, after: Position | None) -> Page:
    """One page, the total, and the facets, all of one state of the index."""
    db.execute("BEGIN")
    try:
        where, values = _conditions(query)
        rows = _page(db, query, where, values, limit, after)
        facets = _facets(db, query, where, values)
    finally:
        db.execute("COMMIT")
    more = len(rows) > limit
    rows = rows[:limit]
    following = Position(rows[-1][1], rows[-1][2]) if more else None
    return Page([row[0] for row in rows], following, sum(facets.status.values()), facets)


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


def _conditions(query: Query) -> tuple[str, list[Any]]:
    where: list[str] = []
    values: list[Any] = []

    def add(condition: str, *given: Any) -> None:
        where.append(condition)
        values.extend(given)

    if query.text is not None:
        if query.words:
            add("key IN (SELECT rowid FROM words WHERE words MATCH ?)", match_expression(query.words))
        else:
            add("0")
    for kind, names in (("tag", query.tags), ("label", query.labels)):
        for name in names:
            add(
                "key IN (SELECT key FROM image_terms WHERE term ="
                " (SELECT term FROM terms WHERE kind = ? AND name = ?) AND confidence >= ?)",
                kind,
                name,
                query.min_confidence or 0.0,
            )
    if query.min_confidence is not None and not query.tags and not query.labels:
        add("confidence >= ?", query.min_confidence)
    if query.claim_id is not None:
        add("claim_id = ?", query.claim_id)
    if query.status is not None:
        add("status = ?", query.status)
    if query.received_from is not None:
        add("received_at >= ?", query.received_from)
    if query.received_before is not None:
        add("received_at < ?", query.received_before)
    return " AND ".join(where) or "1", values


def _page(
    db: sqlite3.Connection, query: Query, where: str, values: list[Any], limit: int, after: Position | None
) -> list[tuple[str, SortValue, str]]:
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


def _facets(db: sqlite3.Connection, query: Query, where: str, values: list[Any]) -> Facets:
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
