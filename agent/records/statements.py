"""The SQL of the records. Every statement is idempotent: a row of `requests` is inserted once under
its key, and rows are deleted by their age.
"""

from __future__ import annotations

# ?1: a JSON list of data points (`request.py`). `WHERE true` ends the SELECT: without it
# SQLite takes ON for a join's.
WRITE = """
INSERT INTO requests
  (written_ms, batch, number, at_ms, endpoint, method, status, took_ms, capability, outcome,
  cache, variant, region, worker, tenant)
SELECT ?2, ?3, key,
  CAST(json_extract(value, '$.doubles[0]') AS INTEGER),
  json_extract(value, '$.blobs[0]'),
  json_extract(value, '$.blobs[1]'),
  CAST(json_extract(value, '$.doubles[1]') AS INTEGER),
  json_extract(value, '$.doubles[2]'),
  json_extract(value, '$.blobs[2]'),
  json_extract(value, '$.blobs[3]'),
  json_extract(value, '$.blobs[4]'),
  json_extract(value, '$.blobs[5]'),
  json_extract(value, '$.blobs[6]'),
  json_extract(value, '$.blobs[7]'),
  json_extract(value, '$.blobs[8]')
FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING
"""

# Of the last job of that id: one that was forgotten may have had it before.
LOG = """
SELECT at_ms, state, attempt, worker, error FROM activation_log
WHERE tenant = ?1 AND id = ?2 AND submitted_ms = (
  SELECT submitted_ms FROM activation_log
  WHERE tenant = ?1 AND id = ?2 ORDER BY number DESC LIMIT 1
)
ORDER BY number LIMIT ?3
"""

FORGET_REQUESTS = """
DELETE FROM requests WHERE (written_ms, batch, number) IN (
  SELECT written_ms, batch, number FROM requests WHERE written_ms < ?1
  ORDER BY written_ms, batch, number LIMIT ?2
)
"""

# Numbers grow with time, so the oldest stand first and no index of times is needed.
FORGET_LOG = """
DELETE FROM activation_log WHERE number IN (
  SELECT number FROM (SELECT number, at_ms FROM activation_log ORDER BY number LIMIT ?2)
  WHERE at_ms < ?1
)
"""
