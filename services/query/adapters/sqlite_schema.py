"""The SQLite index's file: its schema, and opening it. A file of another schema, or a damaged one, begins anew."""

import sqlite3
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

SCHEMA_VERSION: Final = 3

# `images` is narrow, so that counting over a hundred thousand rows is quick; the wide part is in `records`. Its `terms`
# are 32-bit numbers of `terms`, joined. The tokenizer stems English words, so that "cars" finds "car".
_SCHEMA: Final = """
CREATE TABLE images(
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    claim_id TEXT,
    status TEXT NOT NULL,
    received_at TEXT NOT NULL,
    classified_at TEXT NOT NULL,
    confidence REAL NOT NULL,
    needs_review INTEGER NOT NULL,
    terms BLOB NOT NULL);
CREATE INDEX images_received ON images(received_at, id);
CREATE INDEX images_classified ON images(classified_at, id);
CREATE INDEX images_confidence ON images(confidence, id);
CREATE INDEX images_claim ON images(claim_id, received_at, id);
CREATE INDEX images_status ON images(status, received_at, id);
CREATE INDEX images_review ON images(received_at, id) WHERE needs_review;
CREATE TABLE records(key INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE terms(
    term INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE(kind, name));
CREATE TABLE image_terms(
    term INTEGER NOT NULL,
    key INTEGER NOT NULL,
    confidence REAL NOT NULL,
    PRIMARY KEY(term, key)) WITHOUT ROWID;
CREATE TABLE term_counts(
    term INTEGER NOT NULL,
    status TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY(term, status)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
    caption, tags, labels, text, claim,
    tokenize = 'porter unicode61 remove_diacritics 2', prefix = '1 2 3');
CREATE TABLE likenesses(key INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, phash TEXT);
CREATE INDEX likenesses_sha256 ON likenesses(sha256);
CREATE TABLE bands(band INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY(band, key)) WITHOUT ROWID;
CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def open_index(path: Path) -> sqlite3.Connection:
    """A connection for writing, to a file of the present schema. Raises OSError, sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not _is_current(path):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    connection = connect(path)
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    return connection


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Transactions are begun by hand. The connection may be handed to another thread, not shared by two."""
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA mmap_size = 268435456")
    if readonly:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _is_current(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=5.0)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        version, damage = None, str(error)
    finally:
        connection.close()
    if version == SCHEMA_VERSION and damage == "ok":
        return True
    log.warning("search index begins anew", schema=version, wanted=SCHEMA_VERSION, check=damage)
    return False
