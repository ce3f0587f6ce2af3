"""The little of a SQL database that the agent needs: D1 at the edge, SQLite in tests.

Statements are SQLite's, with parameters `?1`, `?2`. A database may do a statement and then
fail to say so, and may repeat one by itself: whoever writes statements for it makes sure
that one that is repeated changes nothing more (`agent/queue/statements.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Value = str | int | float | bytes | None
Row = dict[str, Value]
Statement = tuple[str, Sequence[Value]]


class Rows(NamedTuple):
    """What a statement gave; `changes`: how many rows it wrote."""

    rows: list[Row]
    changes: int


class Database(Protocol):
    """Raises `DatabaseUnavailable` or `Mistake`."""

    async def run(self, sql: str, *params: Value) -> Rows: ...

    async def batch(self, statements: Sequence[Statement]) -> list[Rows]:
        """All of them or none, and nobody else's in between."""


class DatabaseError(Exception):
    """A statement failed."""


class DatabaseUnavailable(DatabaseError):
    """The database did not answer; whether it did the statement is not known."""


class Mistake(DatabaseError):
    """The statement itself is wrong: it would fail again."""
