"""SQLite as a `Database`, as the migrations make it; and behind the adapter of D1, where it
may fail before or after a statement."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from agent.edge.d1.database import D1
from agent.queue.database import Mistake, Rows, Statement, Value

MIGRATIONS = Path(__file__).parents[3] / "agent" / "migrations"
LOST = "D1_ERROR: Network connection lost."


def connect(path: Path | str = ":memory:") -> sqlite3.Connection:
    """Several threads may each open the same file: they wait for each other."""
    return sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)


def migrate(connection: sqlite3.Connection) -> None:
    for file in sorted(MIGRATIONS.glob("*.sql")):
        connection.executescript(file.read_text(encoding="utf-8"))


class Sqlite:
    """Whoever else runs meanwhile gets in before and after each transaction, never within."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()

    async def run(self, sql: str, *params: Value) -> Rows:
        return (await self.batch([(sql, params)]))[0]

    async def batch(self, statements: Sequence[Statement]) -> list[Rows]:
        await asyncio.sleep(0)
        try:
            given = self.at_once(statements)
        except sqlite3.Error as error:
            raise Mistake(str(error)) from None
        await asyncio.sleep(0)
        return given

    def at_once(self, statements: Sequence[Statement]) -> list[Rows]:
        with self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            return [self._one(sql, params) for sql, params in statements]

    def _one(self, sql: str, params: Sequence[Value]) -> Rows:
        cursor = self.connection.execute(sql, tuple(params))
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return Rows(rows, max(0, cursor.rowcount))


@cache
def _migrated() -> bytes:
    connection = connect()
    migrate(connection)
    image = connection.serialize()
    connection.close()
    return image


def memory() -> Sqlite:
    connection = connect()
    connection.deserialize(_migrated())
    return Sqlite(connection)


def failing(database: Sqlite, rng: Callable[[], float], share: float) -> D1:
    """D1's adapter with a database that fails a `share` of what it is asked, half of it after
    having done it."""

    async def send(text: str) -> str:
        drawn = rng()
        if drawn < share / 2:
            return json.dumps({"error": LOST})
        statements = [
            (sql, [_bound(value) for value in params]) for sql, params in json.loads(text)
        ]
        given = await database.batch(statements)
        if drawn < share:
            return json.dumps({"error": LOST})
        return json.dumps({"rows": [([_told(row) for row in rows], n) for rows, n in given]})

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    return D1(send, sleep, Random(1).random)


def _bound(value: Any) -> Value:
    found: Value = b64decode(value["bytes"]) if isinstance(value, dict) else value
    return found


def _told(row: dict[str, Value]) -> dict[str, object]:
    return {
        name: {"bytes": b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in row.items()
    }
