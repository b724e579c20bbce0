"""What must outlive a crash: intents to write blobs, and events not yet accepted by Event Grid.

One SQLite file, one connection, used from the event loop. A commit is a write into the WAL: it survives the death
of this process, not of the machine's power; Azurite gives no more.
"""

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from emulators.storage.blobs import Blob, BlobWrite
from emulators.storage.errors import DataInUseError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS intent (
    id INTEGER PRIMARY KEY AUTOINCREMENT, api TEXT NOT NULL, container TEXT NOT NULL, name TEXT NOT NULL,
    started_s REAL NOT NULL, client_request_id TEXT, in_doubt INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL, recorded_s REAL NOT NULL,
    not_before_s REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS sequence (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
INSERT OR IGNORE INTO sequence VALUES (1, 0);
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that was begun at ``started_s`` (Unix time) and whose outcome was not recorded."""

    id: int
    write: BlobWrite
    started_s: float
    client_request_id: str | None


@dataclass(frozen=True, slots=True)
class Pending:
    """An event in the outbox, as JSON."""

    id: int
    event: bytes


class Journal:
    """Intents and outbox in one file. Raises DataInUseError if another process has it open."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            # Held for good from the first write on, so it is the lock of the whole data folder too.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            # Whatever was begun by an earlier process ended without a record.
            self._db.execute("UPDATE intent SET in_doubt = 1")
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" not in str(error):
                raise
            raise DataInUseError(f"{path.parent} is in use by another storage emulator") from error
        self._sequence = int(self._db.execute("SELECT last FROM sequence").fetchone()[0])

    def close(self) -> None:
        """Close the file; the journal cannot be used after it."""
        self._db.close()

    def next_sequence(self) -> int:
        """A number greater than every one given before, across restarts for those that `record` has seen."""
        self._sequence += 1
        return self._sequence

    def begin(self, write: BlobWrite, client_request_id: str | None) -> int:
        """Note that a write is about to be sent; gives the intent's id."""
        cursor = self._db.execute(
            "INSERT INTO intent (api, container, name, started_s, client_request_id) VALUES (?, ?, ?, ?, ?)",
            (write.api, write.blob.container, write.blob.name, time.time(), client_request_id),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def drop(self, intent: int) -> None:
        """The write failed, or never was sent."""
        self._db.execute("DELETE FROM intent WHERE id = ?", (intent,))

    def doubt(self, intent: int) -> None:
        """The write's outcome is unknown: `doubtful` lists it from now on."""
        self._db.execute("UPDATE intent SET in_doubt = 1 WHERE id = ?", (intent,))

    def doubtful(self) -> list[Intent]:
        """Intents whose outcome must be found out, oldest first."""
        rows = self._db.execute(
            "SELECT id, api, container, name, started_s, client_request_id FROM intent WHERE in_doubt ORDER BY id"
        )
        return [
            Intent(number, BlobWrite(api, Blob(container, name)), started_s, client_request_id)
            for number, api, container, name, started_s, client_request_id in rows
        ]

    def record(self, intent: int, event: dict[str, Any], sequence: int) -> None:
        """Put the write's event into the outbox and forget the intent, both or neither."""
        self._db.execute("BEGIN")
        try:
            self._db.execute(
                "INSERT INTO outbox (event, recorded_s) VALUES (?, ?)", (orjson.dumps(event), time.time())
            )
            self._db.execute("DELETE FROM intent WHERE id = ?", (intent,))
            self._db.execute("UPDATE sequence SET last = max(last, ?)", (sequence,))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def pending(self, limit: int) -> list[Pending]:
        """The oldest events that may be sent now."""
        rows = self._db.execute(
            "SELECT id, event FROM outbox WHERE not_before_s <= ? ORDER BY id LIMIT ?", (time.time(), limit)
        )
        return [Pending(number, event) for number, event in rows]

    def sent(self, events: Iterable[int]) -> None:
        """Event Grid has accepted these."""
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM outbox WHERE id = ?", [(event,) for event in events])
        self._db.execute("COMMIT")

    def postpone(self, event: int, seconds: float) -> None:
        """Let the others pass: offer this one again after ``seconds``."""
        self._db.execute("UPDATE outbox SET not_before_s = ? WHERE id = ?", (time.time() + seconds, event))

    def depth(self) -> tuple[int, float]:
        """How many events wait, and the age of the oldest in seconds."""
        count, oldest = self._db.execute("SELECT count(*), min(recorded_s) FROM outbox").fetchone()
        return count, max(0.0, time.time() - oldest) if count else 0.0

    def open_intents(self) -> int:
        """Writes under way or in doubt."""
        return int(self._db.execute("SELECT count(*) FROM intent").fetchone()[0])

    def waiting_events(self, limit: int = 1000) -> list[Any]:
        """The outbox's events, oldest first, for the admin surface."""
        rows = self._db.execute("SELECT event FROM outbox ORDER BY id LIMIT ?", (limit,))
        return [orjson.loads(event) for (event,) in rows]
