"""SearchIndex on one machine: SQLite with FTS5, in a file of its own. One thread writes, another reads."""

import asyncio
import sqlite3
from array import array
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from services.query.adapters import sqlite_likeness, sqlite_search
from services.query.adapters.sqlite_schema import connect, open_index
from services.query.domain import Entry, Page, Position, Query
from services.query.errors import IndexUnavailable
from services.query.likeness import Alike, Likeness

T = TypeVar("T")


class SqliteIndex:
    """Open it before use and close it after. SQLite's errors become Unavailable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _Lane("index-write")
        self._reader = _Lane("index-read")
        self._facets = sqlite_search.FacetCache()

    async def open(self) -> None:
        await self._writer.open(lambda: open_index(self._path))
        await self._reader.open(lambda: connect(self._path, readonly=True))

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()

    async def put(self, entry: Entry) -> bool:
        return await self._writer.call(lambda db: _put(db, entry))

    async def remove(self, image_id: str) -> bool:
        return await self._writer.call(lambda db: _remove(db, image_id))

    async def search(self, query: Query, limit: int, after: Position | None = None) -> Page:
        return await self._reader.call(lambda db: sqlite_search.search(db, self._facets, query, limit, after))

    async def similar(self, of: Likeness, max_distance: int, limit: int) -> list[Alike]:
        return await self._reader.call(lambda db: sqlite_likeness.find(db, of, max_distance, limit))

    async def tags(self, limit: int) -> Mapping[str, int]:
        return await self._reader.call(lambda db: sqlite_search.counts(db, "tag", None, limit))

    async def count(self) -> int:
        return await self._reader.call(
            lambda db: int(db.execute("SELECT count(*) FROM images").fetchone()[0])
        )

    async def ids(self, after: str = "", limit: int = 1000) -> list[str]:
        sql = "SELECT id FROM images WHERE id > ? ORDER BY id LIMIT ?"
        return await self._reader.call(lambda db: [row[0] for row in db.execute(sql, (after, limit))])

    async def complete(self) -> bool:
        sql = "SELECT count(*) FROM facts WHERE name = 'complete'"
        return await self._reader.call(lambda db: bool(db.execute(sql).fetchone()[0]))

    async def mark_complete(self) -> None:
        await self._writer.call(
            lambda db: db.execute("INSERT OR IGNORE INTO facts VALUES ('complete', 'yes')")
        )


class _Lane:
    """One connection and the one thread that uses it."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connection = await asyncio.get_running_loop().run_in_executor(self._thread, connect)

    async def close(self) -> None:
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise IndexUnavailable("the search index is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, connection)
        except sqlite3.Error as error:
            raise IndexUnavailable(f"search index: {error}") from error


def _put(db: sqlite3.Connection, entry: Entry) -> bool:
    with _transaction(db):
        sql = "SELECT key, version, record FROM images JOIN records USING (key) WHERE id = ?"
        if row := db.execute(sql, (entry.id,)).fetchone():
            key, version, record = row
            if version > entry.version or record == entry.record:
                return False
            _forget(db, key)
        confidences = {
            _term(db, kind, name): confidence
            for kind, names in (("tag", entry.tags), ("label", entry.labels))
            for name, confidence in names.items()
        }
        values = (
            entry.id,
            entry.version,
            entry.claim_id,
            entry.status,
            entry.received_at,
            entry.classified_at,
            entry.confidence,
            entry.needs_review,
            array("I", confidences).tobytes(),
        )
        key = db.execute("INSERT INTO images VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values).lastrowid
        assert key is not None
        db.execute("INSERT INTO records VALUES (?, ?)", (key, entry.record))
        sqlite_likeness.put(db, key, entry)
        words = (
            entry.caption,
            "\n".join(entry.tags),
            "\n".join(entry.labels),
            entry.text,
            entry.claim_id or "",
        )
        db.execute(
            "INSERT INTO words(rowid, caption, tags, labels, text, claim) VALUES (?, ?, ?, ?, ?, ?)",
            (key, *words),
        )
        db.executemany(
            "INSERT INTO image_terms VALUES (?, ?, ?)",
            [(term, key, confidence) for term, confidence in confidences.items()],
        )
        db.executemany(
            "INSERT INTO term_counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1",
            [(term, entry.status) for term in confidences],
        )
    return True


def _remove(db: sqlite3.Connection, image_id: str) -> bool:
    with _transaction(db):
        row = db.execute("SELECT key FROM images WHERE id = ?", (image_id,)).fetchone()
        if row is None:
            return False
        _forget(db, row[0])
    return True


def _forget(db: sqlite3.Connection, key: int) -> None:
    status, packed = db.execute("SELECT status, terms FROM images WHERE key = ?", (key,)).fetchone()
    terms = array("I", packed)
    db.executemany("DELETE FROM image_terms WHERE term = ? AND key = ?", [(term, key) for term in terms])
    db.executemany(
        "UPDATE term_counts SET n = n - 1 WHERE term = ? AND status = ?", [(term, status) for term in terms]
    )
    sqlite_likeness.forget(db, key)
    for table, column in (("words", "rowid"), ("records", "key"), ("images", "key")):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (key,))


def _term(db: sqlite3.Connection, kind: str, name: str) -> int:
    row = db.execute("SELECT term FROM terms WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    if row is None:
        return int(db.execute("INSERT INTO terms(kind, name) VALUES (?, ?)", (kind, name)).lastrowid or 0)
    return int(row[0])


class _transaction:  # noqa: N801 - reads as a verb where it is used
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("ROLLBACK" if kind else "COMMIT")
