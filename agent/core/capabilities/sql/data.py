"""The database of the agent's users, as `database.py` needs it; the edge and tests implement it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from agent.core.capabilities.sql.values import SqlValue


class Table(NamedTuple):
    """`is_cut`: there were more rows than could be given. `meta`: D1's metadata."""

    columns: list[str]
    rows: list[list[object]]
    changes: int
    is_cut: bool
    took_ms: float
    meta: Mapping[str, object] = {}


class SqlError(Exception):
    """`passes`: a retry may succeed; `is_undone`: certainly nothing was changed; `is_late`: the
    time limit passed, and the database may go on."""

    def __init__(self, message: str, passes: bool, is_undone: bool, is_late: bool = False) -> None:
        super().__init__(message)
        self.passes = passes
        self.is_undone = is_undone
        self.is_late = is_late


class Data(Protocol):
    """A statement is run for each list of values, all of them or none; at most so many
    characters of rows come back. Raises `SqlError`."""

    def run(
        self,
        sql: str,
        params: Sequence[Sequence[SqlValue]],
        reads: bool,
        most: int,
        within_ms: float,
    ) -> Table: ...
