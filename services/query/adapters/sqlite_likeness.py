"""The part of the SQLite index that finds pictures that look alike."""

import sqlite3
from collections.abc import Iterator

from services.query.domain import Entry
from services.query.likeness import Alike, Likeness, apart, bands, near_bands


def put(db: sqlite3.Connection, key: int, entry: Entry) -> None:
    db.execute("INSERT INTO likenesses VALUES (?, ?, ?)", (key, entry.sha256, entry.phash))
    if entry.phash:
        db.executemany("INSERT INTO bands VALUES (?, ?)", [(band, key) for band in bands(entry.phash)])


def forget(db: sqlite3.Connection, key: int) -> None:
    (phash,) = db.execute("SELECT phash FROM likenesses WHERE key = ?", (key,)).fetchone()
    if phash:
        db.executemany("DELETE FROM bands WHERE band = ? AND key = ?", [(band, key) for band in bands(phash)])
    db.execute("DELETE FROM likenesses WHERE key = ?", (key,))


def find(db: sqlite3.Connection, of: Likeness, max_distance: int, limit: int) -> list[Alike]:
    """The nearest first, of equally near ones the newest."""
    near = [
        (found, received_at, identifier, key)
        for key, identifier, received_at, sha256, phash in _candidates(db, of, max_distance)
        if identifier != of.id and (found := apart(of, sha256, phash)) is not None and found <= max_distance
    ]
    near.sort(key=lambda each: (each[1], each[2]), reverse=True)
    near.sort(key=lambda each: each[0])
    sql = "SELECT record FROM records WHERE key = ?"
    return [Alike(found, db.execute(sql, (key,)).fetchone()[0]) for found, _, _, key in near[:limit]]


def _candidates(
    db: sqlite3.Connection, of: Likeness, max_distance: int
) -> Iterator[tuple[int, str, str, str, str | None]]:
    same, values = "SELECT key FROM likenesses WHERE sha256 = ?", [of.sha256]
    if of.phash:
        wanted = near_bands(of.phash, max_distance)
        same += f" UNION SELECT key FROM bands WHERE band IN ({','.join(map(str, wanted))})"
    of_keys = f"FROM ({same}) JOIN likenesses USING (key) JOIN images USING (key)"
    yield from db.execute(f"SELECT key, id, received_at, sha256, phash {of_keys}", values)
