"""The SQL of the queue. Every statement is idempotent, however late it is repeated:

- SUBMIT does nothing if the id exists. Triggers act only when a job changes.
- REVIVE is fenced by the attempt that failed: there is one more when it fails again.
- EXPIRE, CANCEL and FORGET select jobs by the state that they end.

So the result of a statement is read from the job and never from `changes`, in the same transaction.
Statements about leases are in `lease_statements.py`.
"""

from __future__ import annotations

from agent.queue.job import NEVER_MS

_SMALL = (
    "tenant, id, capability, dispatch, priority, max_attempts, state, attempt, submitted_ms, "
    "available_ms, worker, lease_until_ms, ended_ms, error"
)
COLUMNS = f"{_SMALL}, payload, result, depends_on, blocked, start_within_ms"

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

OUTCOME_OF = """
SELECT state, worker, attempt, max_attempts, error FROM jobs WHERE tenant = ?1 AND id = ?2
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
SELECT {_SMALL}, '' AS payload, NULL AS result, '[]' AS depends_on, 0 AS blocked,
  NULL AS start_within_ms
FROM jobs
WHERE tenant = ?1 AND state = ?2 AND (submitted_ms, number) < (?3, ?4)
ORDER BY submitted_ms DESC, number DESC LIMIT ?5
"""

CANCEL = """
UPDATE jobs
SET state = 'cancelled', ended_ms = ?3, ticket = NULL, lease_until_ms = NULL
WHERE tenant = ?1 AND id = ?2 AND state IN ('waiting', 'leased')
"""

# No worker has taken it in time, or another one when it was to be tried again.
EXPIRE = """
UPDATE jobs
SET state = 'failed', ended_ms = ?1, worker = NULL,
  error = iif(dispatch = 'edge',
    'expired: the agent did not begin it within ' || (start_within_ms / 1000) || ' s',
    'expired: no worker took it within ' || (start_within_ms / 1000) ||
      ' s; start one that polls with the capability ' || capability)
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
