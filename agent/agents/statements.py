"""The SQL of the table of agents. Every statement is idempotent, however late it is repeated:
`change` is a new name for each request, and a version with that name is made once. The result of a
statement is read from the tables, in the same transaction.
"""

from __future__ import annotations

_COLUMNS = "id, version, at_ms, capability, definition"

# ?7: the version that the caller has seen, NULL if that does not matter. ?8: how many agents a
# tenant may have. `excluded` is the row that could not be inserted.
PUT = """
INSERT INTO agents (tenant, id, version, at_ms, capability, change, definition)
SELECT ?1, ?2, 1, ?3, ?4, ?5, ?6
WHERE NOT EXISTS (
    SELECT 1 FROM agents WHERE tenant = ?1 AND id = ?2 AND definition = ?6
  )
  AND NOT EXISTS (
    SELECT 1 FROM agent_versions WHERE tenant = ?1 AND id = ?2 AND change = ?5
  )
  AND (
    EXISTS (
      SELECT 1 FROM agents
      WHERE tenant = ?1 AND id = ?2 AND definition IS NOT NULL AND (?7 IS NULL OR version = ?7)
    )
    OR ?7 IS NULL AND ?8 > (
      SELECT count(*) FROM agents WHERE tenant = ?1 AND definition IS NOT NULL AND id <> ?2
    )
  )
ON CONFLICT (tenant, id) DO UPDATE
SET version = version + 1, at_ms = excluded.at_ms, capability = excluded.capability,
  change = excluded.change, definition = excluded.definition
"""

DELETE = """
UPDATE agents SET version = version + 1, at_ms = ?3, change = ?4, definition = NULL
WHERE tenant = ?1 AND id = ?2 AND definition IS NOT NULL AND (?5 IS NULL OR version = ?5)
  AND NOT EXISTS (
    SELECT 1 FROM agent_versions WHERE tenant = ?1 AND id = ?2 AND change = ?4
  )
"""

MADE_BY = f"SELECT {_COLUMNS} FROM agent_versions WHERE tenant = ?1 AND id = ?2 AND change = ?3"

CURRENT = f"SELECT {_COLUMNS} FROM agents WHERE tenant = ?1 AND id = ?2"

VERSION = f"SELECT {_COLUMNS} FROM agent_versions WHERE tenant = ?1 AND id = ?2 AND version = ?3"

FIND = f"""
SELECT {_COLUMNS} FROM agents WHERE tenant = ?1 AND id IN (?2, ?3) AND definition IS NOT NULL
"""

# Without definitions: they may be large, and there are many.
LIST = f"""
SELECT {_COLUMNS.replace("definition", "NULL AS definition")} FROM agents
WHERE tenant = ?1 AND id > ?2 AND definition IS NOT NULL ORDER BY id LIMIT ?3
"""

FORGET = """
DELETE FROM agents WHERE number IN (
  SELECT number FROM agents WHERE definition IS NULL AND at_ms < ?1 ORDER BY at_ms LIMIT ?2
)
RETURNING id
"""
