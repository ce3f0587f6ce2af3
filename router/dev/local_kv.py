"""The KV of `router dev` on this machine: read and written in milliseconds.

It is the storage of `wrangler dev --persist-to`, kept as wrangler's miniflare keeps it, so a
running router sees at once what is written here, and the reverse. `tests/edge/test_kv.py` holds
this to the pinned wrangler.

1. A namespace is an SQLite database. Its journal is a WAL: who reads never waits for who writes.
2. A value is a file of its own, which never changes. The key's row has the file's name, so a value
   is written before its row, and whoever reads gets one value, whole.
3. Reading creates nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from router.dev.kv import Key, keys_from, local_namespace_id
from router.dev.layout import Layout, SetupError

FOLDER = Path("v3", "kv")  # wrangler's, within the one that it is told to persist to
OBJECT = "miniflare-KVNamespaceObject"  # the Durable Object that a namespace is
BLOB_BYTES = 40  # of a value's file name, which is hexadecimal
NOT_IN_NAMES = re.compile(r"""[?<>*"'^/\\:|\x00-\x1f\x80-\x9f]""")  # of folders: `_` instead
COLUMNS = ("key", "blob_id", "expiration", "metadata")
SCHEMA = (
    "PRAGMA journal_mode = WAL",
    "CREATE TABLE IF NOT EXISTS _mf_entries (key TEXT PRIMARY KEY, blob_id TEXT NOT NULL, "
    "expiration INTEGER, metadata TEXT)",
    "CREATE INDEX IF NOT EXISTS _mf_entries_expiration_idx ON _mf_entries(expiration)",
)
LIVE = "(expiration IS NULL OR expiration > ?)"
FIND = f"SELECT blob_id FROM _mf_entries WHERE key = ? AND {LIVE}"
LIST = (
    "SELECT key, metadata FROM _mf_entries "
    f"WHERE substr(key, 1, length(?1)) = ?1 AND {LIVE.replace('?', '?2')} ORDER BY key"
)
REPLACED = "SELECT blob_id FROM _mf_entries WHERE key = ?"
PUT = "INSERT OR REPLACE INTO _mf_entries (key, blob_id, metadata) VALUES (?, ?, ?)"
DELETE = "DELETE FROM _mf_entries WHERE key = ?"
# Another process may hold the database for a moment, as a running router does.
TRIES = 20
PAUSE_S = 0.05
BUSY_S = 10.0
# Cloudflare's limits, which wrangler's storage has, too.
MOST_KEY, MOST_METADATA, MOST_VALUE = 512, 1024, 25 << 20


class LocalKv:
    """A context manager: opened when it is first needed, closed by `with`."""

    def __init__(self, layout: Layout, persist_to: Path) -> None:
        self._persist_to = persist_to
        self._name = local_namespace_id(layout)
        self._open: sqlite3.Connection | None = None

    @property
    def place(self) -> str:
        return f"local KV in {self._persist_to}"

    def get(self, key: str) -> bytes | None:
        with self._failing(f"cannot read {key} from"):
            for left in reversed(range(TRIES)):
                database = self._database()
                row = database and database.execute(FIND, (key, _now_ms())).fetchone()
                if not row:
                    return None
                try:
                    return self._blob(row[0]).read_bytes()
                except FileNotFoundError:  # replaced by another process meanwhile
                    if not left:
                        raise
                    time.sleep(PAUSE_S)
        return None

    def put(self, key: str, value: bytes, metadata: Mapping[str, str] | None = None) -> None:
        about = json.dumps(metadata, ensure_ascii=False) if metadata else None
        with self._failing(f"cannot write {key} to"):
            _check("key", key.encode(), MOST_KEY)
            _check("metadata", (about or "").encode(), MOST_METADATA)
            _check("value", value, MOST_VALUE)
            blob = self._blob(secrets.token_hex(BLOB_BYTES))
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(value)
            try:
                self._change(key, PUT, (key, blob.name, about))
            except BaseException:
                blob.unlink()
                raise

    def list(self, prefix: str) -> tuple[Key, ...]:
        with self._failing(f"cannot list {prefix} of"):
            database = self._database()
            rows = database.execute(LIST, (prefix, _now_ms())).fetchall() if database else []
            found = [{"name": key, "metadata": json.loads(about or "null")} for key, about in rows]
        return tuple(keys_from(found))

    def delete(self, key: str) -> None:
        with self._failing(f"cannot delete {key} from"):
            if self._database():
                self._change(key, DELETE, (key,))

    def __enter__(self) -> LocalKv:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        database, self._open = self._open, None
        if database:
            database.close()

    def _change(self, key: str, statement: str, values: tuple[str | None, ...]) -> None:
        """Run it, and remove the file of the value that it replaces."""
        database = self._database(create=True)
        assert database
        database.execute("BEGIN IMMEDIATE")
        with database:  # commits, or rolls back
            former = database.execute(REPLACED, (key,)).fetchone()
            database.execute(statement, values)
        if former:
            self._blob(former[0]).unlink(missing_ok=True)

    def _database(self, *, create: bool = False) -> sqlite3.Connection | None:
        """None if there is none yet, which `create` makes."""
        file = self._persist_to / FOLDER / OBJECT / f"{object_id(OBJECT, self._name)}.sqlite"
        if self._open is None:
            if create:
                file.parent.mkdir(parents=True, exist_ok=True)
            elif not _exists(file):
                return None
            self._open = _connect(file)
        return self._open

    def _blob(self, name: str) -> Path:
        return self._persist_to / FOLDER / NOT_IN_NAMES.sub("_", self._name) / "blobs" / name

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or error
            raise SetupError(f"{what} {self.place}: {why}") from None


def object_id(unique_key: str, name: str) -> str:
    """As workerd's `idFromName`, which names a Durable Object's file."""
    key = hashlib.sha256(unique_key.encode()).digest()
    half = hmac.digest(key, name.encode(), "sha256")[:16]
    return (half + hmac.digest(key, half, "sha256")[:16]).hex()


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
    try:
        _patiently(database)
        columns = tuple(row[1] for row in database.execute("PRAGMA table_info(_mf_entries)"))
        if columns != COLUMNS:
            raise ValueError(
                "another version of wrangler wrote it: delete the folder, or write --persist-to "
                "with another"
            )
    except BaseException:
        database.close()
        raise
    return database


def _patiently(database: sqlite3.Connection) -> None:
    """Make the table. The change to a WAL does not wait for who holds the database."""
    for left in reversed(range(TRIES)):
        try:
            for statement in SCHEMA:
                database.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if not left or error.sqlite_errorcode & 0xFF not in (
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_LOCKED,
            ):
                raise
            time.sleep(PAUSE_S)


def _exists(file: Path) -> bool:
    with suppress(FileNotFoundError):
        file.stat()
        return True
    return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _check(what: str, data: bytes, most: int) -> None:
    if len(data) > most:
        raise ValueError(f"its {what} has {len(data):,} bytes, and {most:,} is the most")
