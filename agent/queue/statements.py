"""The SQL of the queue. Every statement may be repeated, after any time, and then changes
nothing more:

- SUBMIT does nothing if the id is there. What triggers do for a job they do when it changes.
- TAKE does nothing if its worker and ticket have jobs that are still leased; JOBS_OF gives
  those.
- COMPLETE, FAIL, EXTEND and HAND_OVER are fenced: they need the lease of that worker and
  attempt. The first two end it, and no later lease has the same attempt number; EXTEND sets a
  time, and HAND_OVER takes the lease away from that worker.
- CLAIM is fenced by the attempt before: once it is done, there is one more.
- REVIVE is fenced by the attempt that failed: there is one more when it fails again.
- HEARD sets a time.
- LOST, EXPIRE, CANCEL and FORGET choose jobs by what they take away.

What came of a statement is therefore read from the job and never from `changes`, in the
same transaction. A lease that ran out still counts until somebody has declared it lost:
whoever ends it first wins, and it cannot be ended twice.
"""

from __future__ import annotations

from agent.queue.job import NEVER_MS
from agent.queue.limits import SILENT_MS

COLUMNS = (
    "tenant, id, capability, dispatch, priority, max_attempts, state, attempt, submitted_ms, "
    "available_ms, worker, lease_until_ms, ended_ms, error, payload, result, depends_on, blocked, "
    "start_within_ms"
)

# ?10: the ids that it depends on. It is inserted if all of them are there and its tenant's limits
# (?13 jobs that wait, ?14 bytes) leave room. With an error (?8), or if one of them has failed or
# was cancelled, it is a dead letter from the start, and needs no room.
SUBMIT = f"""
WITH needed AS (
  SELECT jobs.id, jobs.state FROM json_each(?10) AS asked
  CROSS JOIN jobs ON jobs.tenant = ?1 AND jobs.id = asked.value
), asked AS (
  SELECT
    (SELECT count(*) FROM needed WHERE state IN ('waiting', 'leased')) AS blocked,
    coalesce(?8, (
      SELECT 'dependency-' || state || ': ' || id || ', which it depends on, ' ||
        iif(state = 'failed', 'has failed', 'was cancelled')
      FROM needed WHERE state IN ('failed', 'cancelled') LIMIT 1
    )) AS error
)
INSERT INTO jobs
  (tenant, id, capability, payload, priority, max_attempts, dispatch, error, submitted_ms,
   available_ms, state, ended_ms, depends_on, blocked, size, start_within_ms)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, error, ?9,
  iif(error IS NULL AND blocked > 0, {NEVER_MS}, ?9),
  iif(error IS NULL, 'waiting', 'failed'), iif(error IS NULL, NULL, ?9), ?10, blocked, ?11, ?12
FROM asked
WHERE (SELECT count(*) FROM needed) = json_array_length(?10) AND (
  error IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM tenants WHERE tenant = ?1 AND (waiting >= ?13 OR bytes + ?11 > ?14)
  )
)
ON CONFLICT (tenant, id) DO NOTHING
"""

MISSING = """
SELECT value AS id FROM json_each(?2)
WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = value)
"""

LOAD = "SELECT waiting, running, bytes FROM tenants WHERE tenant = ?1"

GET = f"SELECT {COLUMNS} FROM jobs WHERE tenant = ?1 AND id = ?2"

STANDING = """
SELECT state, worker, attempt, max_attempts, error FROM jobs WHERE tenant = ?1 AND id = ?2
"""

# `other`: the result that the same lease has told before, if that is another one. `frees`: there
# are jobs for the agent itself that depend on it, and wait for nothing more.
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

# Nobody's turn in the line: a tenant whose own workers take its jobs has its turns with others
# nevertheless.
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

# One job that is named, for whoever runs it at once.
CLAIM = """
UPDATE jobs
SET state = 'leased', attempt = attempt + 1, worker = ?4, ticket = NULL, lease_until_ms = ?5,
  in_turn = 0
WHERE tenant = ?1 AND id = ?2 AND attempt = ?3 AND state = 'waiting' AND blocked = 0
  AND available_ms <= ?6
"""

_NEEDED = """FROM dependencies LEFT JOIN jobs AS needed ON needed.number = dependencies.needs
    WHERE dependencies.job = jobs.number"""
_STILL_NEEDED = f"{_NEEDED} AND needed.state IN ('waiting', 'leased')"

# It waits again for what it depends on, if that has not ended; what has failed is tried again
# before.
REVIVE = f"""
UPDATE jobs
SET state = 'waiting', ended_ms = NULL, worker = NULL, max_attempts = attempt + ?5,
  blocked = (SELECT count(*) {_STILL_NEEDED}),
  available_ms = iif(EXISTS (SELECT 1 {_STILL_NEEDED}), {NEVER_MS}, ?4)
WHERE tenant = ?1 AND id = ?2 AND attempt = ?3 AND state = 'failed' AND NOT EXISTS (
  SELECT 1 {_NEEDED} AND coalesce(needed.state, 'failed') IN ('failed', 'cancelled')
)
"""

# One of several is no row: it was forgotten.
NEEDED = """
SELECT asked.value AS id, needed.state
FROM jobs CROSS JOIN json_each(jobs.depends_on) AS asked
LEFT JOIN dependencies ON dependencies.job = jobs.number AND dependencies.place = asked.key
LEFT JOIN jobs AS needed ON needed.number = dependencies.needs
WHERE jobs.tenant = ?1 AND jobs.id = ?2
ORDER BY asked.key
"""

# None of the results if all together have more than ?3 bytes.
INPUTS = """
SELECT id, size, iif(sum(size) OVER () <= ?3, result, NULL) AS result
FROM (
  SELECT needed.id, needed.result, length(CAST(needed.result AS BLOB)) AS size, dependencies.place
  FROM jobs CROSS JOIN dependencies ON dependencies.job = jobs.number
  CROSS JOIN jobs AS needed ON needed.number = dependencies.needs
  WHERE jobs.tenant = ?1 AND jobs.id = ?2
)
ORDER BY place
"""

# Without what may be large, and what stands behind it in a row: there are many.
LIST = f"""
SELECT {
    COLUMNS.replace(
        "payload, result, depends_on, blocked, start_within_ms",
        "'' AS payload, NULL AS result, '[]' AS depends_on, 0 AS blocked, NULL AS start_within_ms",
    )
} FROM jobs
WHERE tenant = ?1 AND state = ?2 AND (submitted_ms, number) < (?3, ?4)
ORDER BY submitted_ms DESC, number DESC LIMIT ?5
"""

CANCEL = """
UPDATE jobs
SET state = 'cancelled', ended_ms = ?3, ticket = NULL, lease_until_ms = NULL
WHERE tenant = ?1 AND id = ?2 AND state IN ('waiting', 'leased')
"""

# Leases that ran out, and those of registered workers that are silent. Nobody holds them, and
# nobody has ended them: no worker is told that it did. Of the workers it reads those that are
# silent and not yet marked as lost (`agent/workers/statements.py`).
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

# No worker has taken it in time, or another one when it was to be tried again.
EXPIRE = """
UPDATE jobs
SET state = 'failed', ended_ms = ?1, worker = NULL,
  error = iif(dispatch = 'edge',
    'expired: the agent did not begin it within ' || (start_within_ms / 1000) || ' s',
    'expired: no worker that has ' || capability || ' took it within ' ||
      (start_within_ms / 1000) || ' s; one that polls with it in `capabilities` would have')
WHERE number IN (
  SELECT number FROM jobs
  WHERE state = 'waiting' AND start_within_ms IS NOT NULL
    AND available_ms + start_within_ms <= ?1
  ORDER BY available_ms + start_within_ms LIMIT ?2
)
RETURNING tenant, id, state
"""

DEPTH = """
SELECT capability, 'waiting' AS kind, count(*) AS number, min(available_ms) AS since_ms
FROM jobs WHERE state = 'waiting' AND blocked = 0 AND available_ms <= ?1 GROUP BY capability
UNION ALL
SELECT capability, 'delayed', count(*), NULL
FROM jobs WHERE state = 'waiting' AND blocked = 0 AND available_ms > ?1 GROUP BY capability
UNION ALL
SELECT capability, 'blocked', count(*), NULL
FROM jobs WHERE state = 'waiting' AND blocked > 0 GROUP BY capability
UNION ALL
SELECT capability, 'leased', count(*), NULL FROM jobs WHERE state = 'leased' GROUP BY capability
UNION ALL
SELECT capability, 'failed', count(*), NULL FROM jobs WHERE state = 'failed' GROUP BY capability
"""

# What others still depend on is kept for them.
FORGET = """
DELETE FROM jobs WHERE number IN (
  SELECT number FROM jobs WHERE ended_ms IS NOT NULL AND ended_ms < ?1 AND NOT EXISTS (
    SELECT 1 FROM dependencies CROSS JOIN jobs AS dependant ON dependant.number = dependencies.job
    WHERE dependencies.needs = jobs.number AND dependant.ended_ms IS NULL
  )
  ORDER BY ended_ms LIMIT ?2
)
RETURNING id
"""
