"""The SQL database as the agent needs it: D1 at the edge, SQLite in tests.

Statements are SQLite's, with parameters `?1`, `?2`. A database may execute a statement and fail to
report it, and may repeat one by itself, so every statement must be idempotent
(`agent/queue/statements.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Value = str | int | float | bytes | None
Row = dict[str, Value]
Statement = tuple[str, Sequence[Value]]


class Rows(NamedTuple):
    """The rows that a statement returned; `changes`: how many it wrote."""

    rows: list[Row]
    changes: int


class Database(Protocol):
    """Raises `DatabaseUnavailable` or `Mistake`."""

    async def run(self, sql: str, *params: Value) -> Rows: ...

    async def batch(self, statements: Sequence[Statement]) -> list[Rows]:
        """Run all statements or none, in one transaction."""


class DatabaseError(Exception):
    """A statement failed."""


class DatabaseUnavailable(DatabaseError):
    """The database did not answer; the statement may have been executed."""


class Mistake(DatabaseError):
    """The statement itself is wrong, so it would fail again."""
