"""The SQL of the registered workers. Every statement is idempotent: REGISTER and HEARTBEAT set
values, the others select workers by the state that they end.

Each poll reads all workers that are not marked as lost (LOST in `agent/queue/lease_statements.py`),
so MARK_LOST marks those that are silent and have no lease left.
"""

from __future__ import annotations

from agent.queue.limits import SILENT_MS
from agent.workers.worker import MAX_HELD

COLUMNS = "number, tenant, id, capabilities, region, metadata, registered_ms, seen_ms"

# If a key has too many workers, the lost one that was silent longest is removed.
MAKE_ROOM = """
DELETE FROM workers WHERE number IN (
  SELECT number FROM workers
  WHERE tenant = ?1 AND id <> ?2 AND is_lost = 1
    AND (SELECT count(*) FROM workers WHERE tenant = ?1) >= ?3
  ORDER BY seen_ms LIMIT 1
)
"""

REGISTER = """
INSERT INTO workers (tenant, id, capabilities, region, metadata, registered_ms, seen_ms)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6
WHERE EXISTS (SELECT 1 FROM workers WHERE tenant = ?1 AND id = ?2)
  OR (SELECT count(*) FROM workers WHERE tenant = ?1) < ?7
ON CONFLICT (tenant, id) DO UPDATE
SET capabilities = excluded.capabilities, region = excluded.region,
  metadata = excluded.metadata, registered_ms = excluded.registered_ms,
  seen_ms = max(seen_ms, excluded.seen_ms), is_lost = 0
"""

HEARTBEAT = """
UPDATE workers
SET seen_ms = max(seen_ms, ?3), is_lost = 0, capabilities = coalesce(?4, capabilities),
  region = coalesce(?5, region), metadata = coalesce(?6, metadata)
WHERE tenant = ?1 AND id = ?2
"""

GET = f"SELECT {COLUMNS} FROM workers WHERE tenant = ?1 AND id = ?2"

# ?3: a state to choose by, or NULL; ?5: a capability, or NULL.
_LIST = f"""
SELECT {COLUMNS},
  (SELECT count(*) FROM jobs WHERE keeper = workers.number AND state = 'leased') AS leased,
  (SELECT json_group_array(json_array(tenant, id, attempt, lease_until_ms)) FROM (
    SELECT tenant, id, attempt, lease_until_ms FROM jobs
    WHERE keeper = workers.number AND state = 'leased'
    ORDER BY lease_until_ms LIMIT {MAX_HELD}
  )) AS held
FROM workers
WHERE number > ?1 AND (?3 IS NULL OR ?3 = iif(seen_ms > ?4 - {SILENT_MS}, 'alive', 'lost'))
  AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_each(capabilities) AS own WHERE own.value = ?5))
  {{tenant}}
ORDER BY number LIMIT ?2
"""
LIST = _LIST.format(tenant="")
LIST_OF_TENANT = _LIST.format(tenant="AND tenant = ?6")

MARK_LOST = f"""
UPDATE workers SET is_lost = 1 WHERE number IN (
  SELECT number FROM workers AS silent
  WHERE is_lost = 0 AND seen_ms <= ?1 - {SILENT_MS} AND NOT EXISTS (
    SELECT 1 FROM jobs WHERE keeper = silent.number AND state = 'leased'
  )
  ORDER BY seen_ms LIMIT ?2
)
RETURNING tenant, id
"""

FORGET = """
DELETE FROM workers WHERE number IN (
  SELECT number FROM workers WHERE is_lost = 1 AND seen_ms < ?1 ORDER BY seen_ms LIMIT ?2
)
RETURNING id
"""

# Jobs for workers that poll, by capability, and who is there for them. The row without a
# capability counts each worker once. ?3: a JSON list of capabilities, of which it reads alone.
_LOAD = f"""
SELECT capability, 'waiting' AS kind, count(*) AS number, min(available_ms) AS since_ms
FROM jobs WHERE state = 'waiting' AND dispatch = 'poll' AND available_ms <= ?1
  {{capability}} {{tenant}} GROUP BY capability
UNION ALL
SELECT capability, 'leased', count(*), NULL
FROM jobs WHERE state = 'leased' AND dispatch = 'poll' {{capability}} {{tenant}}
GROUP BY capability
UNION ALL
SELECT own.value, 'workers', count(*), NULL
FROM workers CROSS JOIN json_each(workers.capabilities) AS own
WHERE is_lost = 0 AND seen_ms > ?1 - {SILENT_MS} {{own}} {{tenant}} GROUP BY own.value
UNION ALL
SELECT '', 'workers', count(*), NULL
FROM workers WHERE is_lost = 0 AND seen_ms > ?1 - {SILENT_MS} {{any}} {{tenant}}
"""
_ASKED = "IN (SELECT value FROM json_each(?3))"
_ONE_OF = {
    "capability": f"AND capability {_ASKED}",
    "own": f"AND own.value {_ASKED}",
    "any": f"AND EXISTS (SELECT 1 FROM json_each(capabilities) AS one WHERE one.value {_ASKED})",
}
_ANY = dict.fromkeys(_ONE_OF, "")
LOAD = _LOAD.format(tenant="", **_ANY)
LOAD_OF_SOME = _LOAD.format(tenant="", **_ONE_OF)
LOAD_OF_TENANT = _LOAD.format(tenant="AND tenant = ?2", **_ANY)
LOAD_OF_TENANT_OF_SOME = _LOAD.format(tenant="AND tenant = ?2", **_ONE_OF)
