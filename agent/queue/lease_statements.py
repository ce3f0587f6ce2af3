"""The SQL of leases. As in `statements.py`, every statement is idempotent, however late it is
repeated:

- TAKE does nothing if its worker and ticket have jobs that are still leased; JOBS_OF returns
  those.
- COMPLETE, FAIL, EXTEND and HAND_OVER are fenced: they need the lease of that worker and
  attempt. The first two end it, and no later lease has the same attempt number; EXTEND sets a
  time, and HAND_OVER takes the lease away from that worker.
- CLAIM is fenced by the attempt before: once it is done, there is one more.
- HEARD sets a time.
- LOST selects jobs by the lease that it removes.

An expired lease is valid until it is declared lost: the first to end it wins, and it cannot be
ended twice.
"""

from __future__ import annotations

from agent.queue.limits import SILENT_MS
from agent.queue.statements import COLUMNS

_READY = """
    SELECT {columns} FROM jobs
    WHERE state = 'waiting' AND tenant = {tenant} AND dispatch = ?7
      AND capability = asked.value AND blocked = 0{priority} AND available_ms <= ?5
"""
_OF_LANE = " AND priority = {lane}.priority"
_NOT_TAKEN = """
NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'leased' AND ticket = ?2 AND worker = ?1)
"""
# Nothing, if the worker has not registered with that key.
HEARD = """
UPDATE workers SET seen_ms = max(seen_ms, ?3), is_lost = 0 WHERE tenant = ?1 AND id = ?2
"""

_LEASE = """
UPDATE jobs
SET state = 'leased', attempt = attempt + 1, worker = ?1, ticket = ?2, lease_until_ms = ?3,
  keeper = (SELECT number FROM workers WHERE tenant = ?9 AND id = ?1), in_turn = {in_turn}
"""

# Of each capability the first lanes, of each of these its first jobs, and of these the first: one
# of each lane, then a second one of each. So it reads a few entries of the index for each job
# that it takes, and those of jobs that wait for their time. A tenant has at most ?8 jobs with
# the agent itself.
TAKE = f"""
{_LEASE.format(in_turn=1)}
WHERE number IN (
  SELECT number FROM (
    SELECT first.number, lane.priority, lane.turn,
      row_number() OVER (PARTITION BY lane.number ORDER BY first.submitted_ms, first.number)
        AS place,
      row_number() OVER (
        PARTITION BY lane.tenant ORDER BY lane.priority DESC, first.submitted_ms, first.number
      ) + coalesce((SELECT running FROM tenants WHERE tenants.tenant = lane.tenant), 0) AS held
    FROM json_each(?4) AS asked CROSS JOIN lanes AS lane ON lane.number IN (
      SELECT number FROM lanes
      WHERE dispatch = ?7 AND capability = asked.value
        AND (?7 <> 'edge' OR coalesce(
          (SELECT running FROM tenants WHERE tenants.tenant = lanes.tenant), 0) < ?8)
        AND EXISTS ({
    _READY.format(columns="1", tenant="lanes.tenant", priority=_OF_LANE.format(lane="lanes"))
})
      ORDER BY priority DESC, turn LIMIT ?6
    ) CROSS JOIN jobs AS first ON first.number IN ({
    _READY.format(columns="number", tenant="lane.tenant", priority=_OF_LANE.format(lane="lane"))
}
      ORDER BY submitted_ms, number LIMIT ?6
    )
    WHERE {_NOT_TAKEN}
  )
  WHERE ?7 <> 'edge' OR held <= ?8
  ORDER BY priority DESC, place, turn LIMIT ?6
)
"""

# It takes no turn in the order of tenants: a tenant whose own workers take its jobs keeps its turns
# with other workers.
TAKE_OF_TENANT = f"""
{_LEASE.format(in_turn=0)}
WHERE number IN (
  SELECT first.number
  FROM json_each(?4) AS asked CROSS JOIN jobs AS first ON first.number IN ({
    _READY.format(columns="number", tenant="?8", priority="")
}
    ORDER BY priority DESC, submitted_ms, number LIMIT ?6
  )
  WHERE {_NOT_TAKEN}
  ORDER BY first.priority DESC, first.submitted_ms, first.number LIMIT ?6
)
"""

JOBS_OF = f"""
SELECT {COLUMNS} FROM jobs
WHERE state = 'leased' AND ticket = ?1 AND worker = ?2 AND (?3 IS NULL OR tenant = ?3)
ORDER BY priority DESC, submitted_ms, number
"""

_IF_HELD = "WHERE tenant = ?1 AND id = ?2 AND state = 'leased' AND worker = ?3 AND attempt = ?4"

COMPLETE = f"""
UPDATE jobs
SET state = 'completed', result = ?5, ended_ms = ?6, error = NULL, ticket = NULL,
  lease_until_ms = NULL
{_IF_HELD}
"""

FAIL = f"""
UPDATE jobs
SET state = iif(?7 AND attempt < max_attempts, 'waiting', 'failed'),
  ended_ms = iif(?7 AND attempt < max_attempts, NULL, ?6),
  available_ms = iif(?7 AND attempt < max_attempts, ?8, available_ms),
  error = ?5, ticket = NULL, lease_until_ms = NULL
{_IF_HELD}
"""

EXTEND = f"UPDATE jobs SET lease_until_ms = max(lease_until_ms, ?5) {_IF_HELD}"

HAND_OVER = f"""
UPDATE jobs
SET worker = ?5, keeper = NULL, ticket = NULL, lease_until_ms = max(lease_until_ms, ?6)
{_IF_HELD}
"""

# One named job, for a caller that runs it at once.
CLAIM = """
UPDATE jobs
SET state = 'leased', attempt = attempt + 1, worker = ?4, keeper = NULL, ticket = NULL,
  lease_until_ms = ?5, in_turn = 0
WHERE tenant = ?1 AND id = ?2 AND attempt = ?3 AND state = 'waiting' AND blocked = 0
  AND available_ms <= ?6
"""

# `other`: a different result that the same lease has stored before. `frees`: jobs of the agent
# itself depend on this one, and wait for nothing else.
COMPLETED = """
SELECT state, worker, attempt,
  iif(state = 'completed' AND worker = ?3 AND attempt = ?4 AND result <> ?5, result, NULL) AS other,
  EXISTS (
    SELECT 1 FROM dependencies CROSS JOIN jobs AS freed ON freed.number = dependencies.job
    WHERE dependencies.needs = jobs.number AND freed.state = 'waiting' AND freed.blocked = 0
      AND freed.dispatch = 'edge'
  ) AS frees
FROM jobs WHERE tenant = ?1 AND id = ?2
"""

# Expired leases, and those of registered workers that are silent. `worker` becomes NULL, so no
# worker is reported as the one that ended the job. It reads workers that are silent and not yet
# marked as lost (`agent/workers/statements.py`).
LOST = f"""
UPDATE jobs
SET state = iif(attempt < max_attempts, 'waiting', 'failed'),
  ended_ms = iif(attempt < max_attempts, NULL, ?1),
  available_ms = iif(attempt < max_attempts, ?1, available_ms),
  error = iif(lease_until_ms <= ?1, 'the lease of attempt ' || attempt || ' ran out',
    'worker ' || worker || ' gave no sign of life in attempt ' || attempt),
  worker = NULL, ticket = NULL, lease_until_ms = NULL
WHERE number IN (
  SELECT number FROM jobs WHERE state = 'leased' AND lease_until_ms <= ?1
  ORDER BY lease_until_ms LIMIT ?2
) OR number IN (
  SELECT held.number FROM workers AS silent
  CROSS JOIN jobs AS held ON held.keeper = silent.number AND held.state = 'leased'
  WHERE silent.is_lost = 0 AND silent.seen_ms <= ?1 - {SILENT_MS} LIMIT ?2
)
RETURNING tenant, id, state
"""
