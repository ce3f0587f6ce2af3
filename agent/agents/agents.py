"""The table of agents: each operation is one round trip to the database.

An agent belongs to a tenant. Every change, a deletion included, is a new version, counted from 1. A
request that changes nothing makes none. `statements.py` says why everything may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent.agents import statements as sql
from agent.queue.database import Database, Row, Statement

MAX_AGENTS = 1_000  # of a tenant
KEPT_VERSIONS = 100  # of an agent; 0006_agents.sql has the same number
FORGOTTEN_AT_ONCE = 100


class AgentKey(NamedTuple):
    """Agents of two tenants may have the same id."""

    tenant: str
    id: str


class Version(NamedTuple):
    """A version of an agent. `definition`: JSON as text; None for one that was deleted, and in
    lists."""

    id: str
    version: int
    at_ms: int
    capability: str
    definition: str | None


class Changed(NamedTuple):
    """The result of a change. `is_done`: the agent is as requested. `is_new`: this made a new
    version. `version`: the agent's current one, None if there never was one."""

    is_done: bool
    is_new: bool
    version: Version | None


class Agents:
    """All agents of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(
        self,
        key: AgentKey,
        capability: str,
        definition: str,
        change: str,
        now_ms: int,
        expected: int | None = None,
    ) -> Changed:
        """Define an agent. `change`: a new name for each request; the same name again changes
        nothing. `expected`: the version to replace. If it is not done, the agent has another
        version, or the tenant has `MAX_AGENTS`."""
        given = (*key, now_ms, capability, change, definition, expected, MAX_AGENTS)
        own, current = await self._change((sql.PUT, given), key, change)
        if own:
            return Changed(True, True, own)
        return Changed(current is not None and current.definition == definition, False, current)

    async def delete(
        self, key: AgentKey, change: str, now_ms: int, expected: int | None = None
    ) -> Changed:
        """Delete an agent. Not done if there is none, or if its version is not `expected`."""
        given = (*key, now_ms, change, expected)
        own, current = await self._change((sql.DELETE, given), key, change)
        return Changed(True, True, own) if own else Changed(False, False, current)

    async def get(self, key: AgentKey, version: int | None = None) -> Version | None:
        """The current version of an agent, or another one; also of a deleted agent."""
        if version is None:
            return _first((await self._db.run(sql.CURRENT, *key)).rows)
        return _first((await self._db.run(sql.VERSION, *key, version)).rows)

    async def find(self, tenant: str, first: str, second: str) -> dict[str, Version]:
        """The agents with these two ids, as far as they exist."""
        found = await self._db.run(sql.FIND, tenant, first, second)
        return {row.id: row for row in map(_version, found.rows)}

    async def listed(self, tenant: str, limit: int, after: str = "") -> list[Version]:
        """A tenant's agents in the order of their ids, from behind `after`, without definitions."""
        return [_version(row) for row in (await self._db.run(sql.LIST, tenant, after, limit)).rows]

    async def forget(self, before_ms: int) -> int:
        """Remove agents that were deleted before that time, with all their versions, at most
        `FORGOTTEN_AT_ONCE`. Returns how many; call it again until it returns 0."""
        return len((await self._db.run(sql.FORGET, before_ms, FORGOTTEN_AT_ONCE)).rows)

    async def _change(
        self, statement: Statement, key: AgentKey, change: str
    ) -> tuple[Version | None, Version | None]:
        """The version that `change` made, and the current one."""
        batch = [statement, (sql.MADE_BY, (*key, change)), (sql.CURRENT, key)]
        _, own, current = await self._db.batch(batch)
        return _first(own.rows), _first(current.rows)


def _first(rows: Sequence[Row]) -> Version | None:
    return _version(rows[0]) if rows else None


def _version(row: Row) -> Version:
    return Version(**row)  # type: ignore[arg-type]
