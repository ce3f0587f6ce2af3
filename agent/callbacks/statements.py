"""The SQL of callbacks. As in the queue, every statement is idempotent, however late it is
repeated:

- REGISTER comes before its job's SUBMIT in one batch, and does nothing if the job exists; WITHDRAW
  comes after it, for a job that was refused.
- TAKE does nothing if its ticket has callbacks that are still leased; TAKEN returns those.
- SETTLE is fenced: it needs the lease of that ticket and attempt, and ends it.
- LOST selects callbacks by the lease that it removes.

Triggers on `jobs` make a callback due, make it wait again, and delete it with its job
(`agent/migrations/0002_callbacks.sql`).
"""

from __future__ import annotations

REGISTER = """
INSERT INTO callbacks (tenant, id, url) SELECT ?1, ?2, ?3
WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2)
ON CONFLICT (tenant, id) DO NOTHING
"""

WITHDRAW = """
DELETE FROM callbacks WHERE tenant = ?1 AND id = ?2
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2)
"""

TAKE = """
UPDATE callbacks
SET state = 'leased', attempt = attempt + 1, ticket = ?1, lease_until_ms = ?2
WHERE number IN (
  SELECT number FROM callbacks WHERE state = 'due' AND due_ms <= ?3 ORDER BY due_ms LIMIT ?4
) AND NOT EXISTS (SELECT 1 FROM callbacks WHERE state = 'leased' AND ticket = ?1)
"""

TAKEN = """
SELECT callbacks.tenant, callbacks.id, callbacks.url, callbacks.attempt, callbacks.ticket,
  jobs.state, jobs.attempt AS job_attempt, jobs.worker, jobs.ended_ms, jobs.error, jobs.result
FROM callbacks CROSS JOIN jobs ON jobs.tenant = callbacks.tenant AND jobs.id = callbacks.id
WHERE callbacks.state = 'leased' AND callbacks.ticket = ?1
ORDER BY callbacks.due_ms, callbacks.number
"""

SETTLE = """
UPDATE callbacks
SET state = ?5, status = ?6, error = ?7, due_ms = coalesce(?8, due_ms), ended_ms = ?9,
  ticket = NULL, lease_until_ms = NULL
WHERE tenant = ?1 AND id = ?2 AND state = 'leased' AND ticket = ?3 AND attempt = ?4
"""

# The result of an expired lease is unknown. The callback waits as after a failure: if it were sent
# at once, and sending it crashed the isolate, its attempts would be used up within minutes.
LOST = """
UPDATE callbacks
SET state = iif(attempt < ?2, 'due', 'failed'),
  ended_ms = iif(attempt < ?2, NULL, ?1),
  due_ms = iif(attempt < ?2, ?1 + min(?4, ?3 << min(attempt - 1, 30)), due_ms),
  status = NULL, error = 'the lease of attempt ' || attempt || ' ran out', ticket = NULL,
  lease_until_ms = NULL
WHERE number IN (
  SELECT number FROM callbacks WHERE state = 'leased' AND lease_until_ms <= ?1
  ORDER BY lease_until_ms LIMIT ?5
)
"""

OF = """
SELECT tenant, id, url, state, attempt, due_ms, ended_ms, status, error
FROM callbacks WHERE tenant = ?1 AND id = ?2
"""

DEPTH = """
SELECT 'due' AS kind, count(*) AS number, min(due_ms) AS since_ms
FROM callbacks WHERE state = 'due' AND due_ms <= ?1
UNION ALL SELECT 'delayed', count(*), NULL FROM callbacks WHERE state = 'due' AND due_ms > ?1
UNION ALL SELECT 'leased', count(*), NULL FROM callbacks WHERE state = 'leased'
UNION ALL SELECT 'failed', count(*), NULL FROM callbacks WHERE state = 'failed'
"""
