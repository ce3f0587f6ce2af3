"""The registered workers. Each operation is one round trip to the database. The clock is passed
in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.queue.database import Database, Row, Rows
from agent.workers import statements as sql
from agent.workers.worker import (
    MAX_WORKERS,
    HeldJob,
    Load,
    Loads,
    TooMany,
    Worker,
    WorkerDetails,
    WorkerKey,
    WorkerState,
)

MARKED_AT_ONCE = 100
FORGOTTEN_AT_ONCE = 500
NOTHING = WorkerDetails()
# By whether they are about one tenant, and whether capabilities are named.
LOADS = {
    (False, False): sql.LOAD,
    (False, True): sql.LOAD_OF_SOME,
    (True, False): sql.LOAD_OF_TENANT,
    (True, True): sql.LOAD_OF_TENANT_OF_SOME,
}


class Workers:
    """All registered workers of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def register(
        self, key: WorkerKey, details: WorkerDetails, now_ms: int
    ) -> Worker | TooMany:
        """Registers the worker, or updates it."""
        given = (
            _json(list(details.capabilities or ())),
            details.region or "",
            _json(details.metadata or {}),
        )
        _, _, found = await self._db.batch(
            [
                (sql.MAKE_ROOM, (*key, MAX_WORKERS)),
                (sql.REGISTER, (*key, *given, now_ms, MAX_WORKERS)),
                (sql.GET, key),
            ]
        )
        return _worker(found.rows[0]) if found.rows else TooMany(MAX_WORKERS)

    async def heartbeat(
        self, key: WorkerKey, now_ms: int, details: WorkerDetails = NOTHING
    ) -> Worker | None:
        """Records a sign of life. Returns None if the worker is not registered."""
        capabilities = None if details.capabilities is None else _json(list(details.capabilities))
        metadata = None if details.metadata is None else _json(details.metadata)
        given = (*key, now_ms, capabilities, details.region, metadata)
        _, found = await self._db.batch([(sql.HEARTBEAT, given), (sql.GET, key)])
        return _worker(found.rows[0]) if found.rows else None

    async def listed(
        self,
        tenant: str | None,
        limit: int,
        now_ms: int,
        after: int = 0,
        state: WorkerState | None = None,
        capability: str | None = None,
    ) -> list[Worker]:
        """The workers of a tenant, or of all, in the order of their first registration, from behind
        the worker of that number; of one state or capability, if one is given."""
        given = (after, limit, state, now_ms, capability)
        if tenant is None:
            found = await self._db.run(sql.LIST, *given)
        else:
            found = await self._db.run(sql.LIST_OF_TENANT, *given, tenant)
        return [_worker(row) for row in found.rows]

    async def mark_lost(self, now_ms: int) -> list[WorkerKey]:
        """Mark silent workers without leases as lost, at most `MARKED_AT_ONCE`, and return them;
        call it again until there are none."""
        found = await self._db.run(sql.MARK_LOST, now_ms, MARKED_AT_ONCE)
        return [_key(row) for row in found.rows]

    async def forget(self, before_ms: int) -> int:
        """Delete lost workers last seen before that time, at most `FORGOTTEN_AT_ONCE`; call it
        again until it returns 0."""
        return len((await self._db.run(sql.FORGET, before_ms, FORGOTTEN_AT_ONCE)).rows)

    async def loads(self, tenant: str | None, capabilities: Sequence[str], now_ms: int) -> Loads:
        """The load of workers with these capabilities; of all workers if none is named. Reads an
        index entry for each job that waits or is leased, and each worker that is alive."""
        text = LOADS[tenant is not None, bool(capabilities)]
        names = [_json(sorted(set(capabilities)))] if capabilities else []
        given = [tenant, *names] if tenant is not None or names else []
        found = await self._db.run(text, now_ms, *given)
        return _loads(found, capabilities, now_ms)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _key(row: Row) -> WorkerKey:
    return WorkerKey(str(row["tenant"]), str(row["id"]))


def _worker(row: Row) -> Worker:
    held = [HeldJob(*fields) for fields in json.loads(str(row.get("held") or "[]"))]
    return Worker(
        int(row["number"] or 0),
        _key(row),
        json.loads(str(row["capabilities"])),
        str(row["region"]),
        json.loads(str(row["metadata"])),
        int(row["registered_ms"] or 0),
        int(row["seen_ms"] or 0),
        int(row.get("leased") or 0),
        held,
    )


def _loads(found: Rows, capabilities: Sequence[str], now_ms: int) -> Loads:
    numbers: dict[str, dict[str, int]] = {name: {} for name in ("", *capabilities)}
    for row in found.rows:
        of_one = numbers.setdefault(str(row["capability"]), {})
        of_one[str(row["kind"])] = int(row["number"] or 0)
        if row["since_ms"] is not None:
            of_one["oldest_ms"] = max(0, now_ms - int(row["since_ms"]))
    workers = numbers.pop("").get("workers", 0)
    by_capability = {name: Load(**of_one) for name, of_one in sorted(numbers.items())}
    every = by_capability.values()
    total = Load(
        sum(load.waiting for load in every),
        sum(load.leased for load in every),
        max((load.oldest_ms for load in every), default=0),
        workers,
    )
    return Loads(total, by_capability)
