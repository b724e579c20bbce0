"""SQLite: the schema, what a transaction does to it, and what a start reads back.

WAL with ``synchronous=NORMAL`` by default: what is committed survives the death of the process (the bytes are the
kernel's), but a power cut may take the last transactions. ``full`` adds an fsync a commit and survives that too.
The database is locked by the process that has it open.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from emulators.eventgrid.errors import StartError, StoreError

Durability = Literal["normal", "full"]

MAX_DEAD_LETTERS = 10_000
"""Dead letters kept for reading, newest first out of all subscriptions that have no dead-letter topic."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, name TEXT NOT NULL,
    since INTEGER NOT NULL, UNIQUE (topic, name));
CREATE TABLE IF NOT EXISTS segment (
    seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, published REAL NOT NULL, bodies BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS settled (
    seq INTEGER NOT NULL, subscription INTEGER NOT NULL, mask BLOB NOT NULL,
    PRIMARY KEY (seq, subscription)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempt (
    seq INTEGER NOT NULL, subscription INTEGER NOT NULL, position INTEGER NOT NULL,
    count INTEGER NOT NULL, available_at REAL NOT NULL,
    PRIMARY KEY (seq, subscription, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, subscription TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS dead_letter_by_subscription ON dead_letter (topic, subscription, id);
"""
# JSON without insignificant white space has no raw line feed, so one can separate events.
_SEPARATOR = b"\n"


class NewSegment(NamedTuple):
    seq: int
    topic: str
    published: float
    bodies: bytes


class Attempt(NamedTuple):
    """How often an event was delivered, journaled when a delivery failed."""

    seq: int
    subscription: int
    position: int
    deliveries: int
    available_at: float


@dataclass
class Transaction:
    """Everything one commit writes. ``settled`` rows are (seq, subscription, mask); ``unmarked`` and ``marked``
    are segments to remove, the latter with rows in other tables; ``dead`` rows are (topic, subscription, body)."""

    segments: list[NewSegment] = field(default_factory=list)
    settled: list[tuple[int, int, bytes]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    unmarked: list[int] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    dead: list[tuple[str, str, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class SubscriptionRow:
    """A known subscription; it sees segments whose number is above ``since``."""

    id: int
    topic: str
    name: str
    since: int


def join_bodies(bodies: list[bytes]) -> bytes:
    return _SEPARATOR.join(bodies)


def split_bodies(blob: bytes) -> list[bytes]:
    return blob.split(_SEPARATOR)


def pack_mask(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8 or 1, "little")


def unpack_mask(blob: bytes) -> int:
    return int.from_bytes(blob, "little")


class Store:
    """One database file. Used by one thread at a time: the opener's until the writer starts, then the writer's."""

    def __init__(self, path: Path, durability: Durability = "normal") -> None:
        """Open or create. Raises StartError when the file is another process's or can't be opened."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StartError(f"data directory {path.parent}: {error}") from error
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA page_size = 16384")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
            self._db.execute("PRAGMA journal_size_limit = 67108864")
            self._db.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
        except sqlite3.Error as error:
            self._db.close()
            locked = " (is another emulator using this data directory?)" if "locked" in str(error) else ""
            raise StartError(f"{path}: {error}{locked}") from error

    def apply(self, tx: Transaction) -> None:
        """Write all of ``tx`` or nothing. Raises StoreError."""
        execute = self._db.execute
        try:
            execute("BEGIN IMMEDIATE")
            for segment in tx.segments:
                execute("INSERT INTO segment VALUES (?, ?, ?, ?)", segment)
            # One statement a list: each statement gives up and retakes the interpreter's lock.
            if tx.unmarked or tx.marked:
                gone = json.dumps(tx.unmarked + tx.marked)
                execute("DELETE FROM segment WHERE seq IN (SELECT value FROM json_each(?))", (gone,))
            if tx.marked:
                gone = json.dumps(tx.marked)
                execute("DELETE FROM settled WHERE seq IN (SELECT value FROM json_each(?))", (gone,))
                execute("DELETE FROM attempt WHERE seq IN (SELECT value FROM json_each(?))", (gone,))
            for row in tx.settled:
                execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?)", row)
            for attempt in tx.attempts:
                execute("INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?)", attempt)
            for dead in tx.dead:
                execute("INSERT INTO dead_letter (topic, subscription, body) VALUES (?, ?, ?)", dead)
            if tx.dead:
                execute(
                    "DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?",
                    (MAX_DEAD_LETTERS,),
                )
            execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                execute("ROLLBACK")
            raise StoreError(str(error)) from error

    def reconcile(self, wanted: set[tuple[str, str]]) -> tuple[list[SubscriptionRow], list[tuple[str, str]]]:
        """Make the known subscriptions the ``wanted`` (topic, name) pairs; a new one sees only what comes later.

        Gives the rows, and the pairs that went with what they had not settled.
        """
        since = self.last_seq()
        known = {(topic, name) for topic, name in self._db.execute("SELECT topic, name FROM subscription")}
        self._db.execute("BEGIN IMMEDIATE")
        for pair in sorted(known - wanted):
            self._db.execute("DELETE FROM subscription WHERE topic = ? AND name = ?", pair)
        for pair in sorted(wanted - known):
            self._db.execute("INSERT INTO subscription (topic, name, since) VALUES (?, ?, ?)", (*pair, since))
        self._db.execute("COMMIT")
        rows = [
            SubscriptionRow(*r) for r in self._db.execute("SELECT id, topic, name, since FROM subscription")
        ]
        return rows, sorted(known - wanted)

    def last_seq(self) -> int:
        """The highest segment number that was ever given and still matters."""
        queries = ("SELECT max(seq) FROM segment", "SELECT max(since) FROM subscription")
        return max(int(self._db.execute(query).fetchone()[0] or 0) for query in queries)

    def segments(self) -> Iterator[NewSegment]:
        """Every stored segment, oldest first."""
        rows = self._db.execute("SELECT seq, topic, published, bodies FROM segment ORDER BY seq")
        return (NewSegment(*row) for row in rows)

    def settled(self) -> dict[tuple[int, int], int]:
        """(seq, subscription) → mask of settled events."""
        rows = self._db.execute("SELECT seq, subscription, mask FROM settled")
        return {(seq, subscription): unpack_mask(mask) for seq, subscription, mask in rows}

    def attempts(self) -> dict[tuple[int, int, int], Attempt]:
        """(seq, subscription, position) → how often it was delivered."""
        rows = self._db.execute("SELECT seq, subscription, position, count, available_at FROM attempt")
        return {(row[0], row[1], row[2]): Attempt(*row) for row in rows}

    def dead_letters(self, topic: str, subscription: str, limit: int) -> list[bytes]:
        """The newest ``limit`` dead letters of a subscription without a dead-letter topic, newest first."""
        query = "SELECT body FROM dead_letter WHERE topic = ? AND subscription = ? ORDER BY id DESC LIMIT ?"
        return [body for (body,) in self._db.execute(query, (topic, subscription, limit))]

    def close(self) -> None:
        self._db.close()
