"""The SQL of the queue. Every statement may be repeated, after any time, and then changes
nothing more:

- SUBMIT does nothing if the id is there.
- TAKE does nothing if its worker and ticket have jobs that are still leased; JOBS_OF gives
  those.
- COMPLETE, FAIL, EXTEND and HAND_OVER are fenced: they need the lease of that worker and
  attempt. The first two end it, and no later lease has the same attempt number; EXTEND sets a
  time, and HAND_OVER takes the lease away from that worker.
- CLAIM is fenced by the attempt before: once it is done, there is one more.
- REVIVE is fenced by the attempt that failed: there is one more when it fails again.
- LOST, CANCEL and FORGET choose jobs by what they take away.

What came of a statement is therefore read from the job and never from `changes`, in the
same transaction. A lease that ran out still counts until somebody has declared it lost:
whoever ends it first wins, and it cannot be ended twice.
"""

from __future__ import annotations

from agent.queue.limits import SILENT_MS

COLUMNS = (
    "tenant, id, capability, dispatch, priority, max_attempts, state, attempt, submitted_ms, "
    "available_ms, worker, lease_until_ms, ended_ms, error, payload, result"
)

# With an error it is a dead letter from the start.
SUBMIT = """
INSERT INTO jobs
  (tenant, id, capability, payload, priority, max_attempts, dispatch, error, submitted_ms,
   available_ms, state, ended_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, iif(?8 IS NULL, 'waiting', 'failed'),
  iif(?8 IS NULL, NULL, ?9))
ON CONFLICT (tenant, id) DO NOTHING
"""

GET = f"SELECT {COLUMNS} FROM jobs WHERE tenant = ?1 AND id = ?2"

STANDING = "SELECT state, worker, attempt FROM jobs WHERE tenant = ?1 AND id = ?2"

# Of each capability the first ones, of these the first: it reads no more of the index.
_TAKE = """
UPDATE jobs
SET state = 'leased', attempt = attempt + 1, worker = ?1, ticket = ?2, lease_until_ms = ?3,
  keeper = ?8
WHERE number IN (
  SELECT waiting.number
  FROM json_each(?4) AS asked CROSS JOIN jobs AS waiting ON waiting.number IN (
    SELECT number FROM jobs
    WHERE state = 'waiting' AND dispatch = ?7 AND capability = asked.value
      AND available_ms <= ?5{tenant}
    ORDER BY priority DESC, submitted_ms, number LIMIT ?6
  )
  WHERE NOT EXISTS (
    SELECT 1 FROM jobs WHERE state = 'leased' AND ticket = ?2 AND worker = ?1
  )
  ORDER BY waiting.priority DESC, waiting.submitted_ms, waiting.number LIMIT ?6
)
"""
TAKE = _TAKE.format(tenant="")
TAKE_OF_TENANT = _TAKE.format(tenant=" AND tenant = ?9")

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
SET state = 'leased', attempt = attempt + 1, worker = ?4, ticket = NULL, lease_until_ms = ?5
WHERE tenant = ?1 AND id = ?2 AND attempt = ?3 AND state = 'waiting' AND available_ms <= ?6
"""

REVIVE = """
UPDATE jobs
SET state = 'waiting', ended_ms = NULL, available_ms = ?4, worker = NULL,
  max_attempts = attempt + ?5
WHERE tenant = ?1 AND id = ?2 AND attempt = ?3 AND state = 'failed'
"""

# Without payload and result: they may be large, and there are many.
LIST = f"""
SELECT {COLUMNS.replace("payload, result", "'' AS payload, NULL AS result")} FROM jobs
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

DEPTH = """
SELECT capability, 'waiting' AS kind, count(*) AS number, min(available_ms) AS since_ms
FROM jobs WHERE state = 'waiting' AND available_ms <= ?1 GROUP BY capability
UNION ALL
SELECT capability, 'delayed', count(*), NULL
FROM jobs WHERE state = 'waiting' AND available_ms > ?1 GROUP BY capability
UNION ALL
SELECT capability, 'leased', count(*), NULL FROM jobs WHERE state = 'leased' GROUP BY capability
UNION ALL
SELECT capability, 'failed', count(*), NULL FROM jobs WHERE state = 'failed' GROUP BY capability
"""

FORGET = """
DELETE FROM jobs WHERE number IN (
  SELECT number FROM jobs WHERE ended_ms IS NOT NULL AND ended_ms < ?1
  ORDER BY ended_ms LIMIT ?2
)
RETURNING id
"""
