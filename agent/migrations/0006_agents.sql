-- What agents are. A row of `agents` is an agent as it is now. `definition` is JSON, NULL for an
-- agent that was deleted. `change` is random and names the request that made the version, so that
-- a statement that is repeated makes no second one. Times are milliseconds since 1970.
CREATE TABLE agents (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  capability TEXT NOT NULL,
  change TEXT NOT NULL,
  definition TEXT,
  UNIQUE (tenant, id)
) STRICT;

CREATE INDEX agents_of_tenant ON agents (tenant, id) WHERE definition IS NOT NULL;
CREATE INDEX agents_deleted ON agents (at_ms) WHERE definition IS NULL;

-- Every version of every agent, the last hundred of each. Triggers write it.
CREATE TABLE agent_versions (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  capability TEXT NOT NULL,
  change TEXT NOT NULL,
  definition TEXT,
  UNIQUE (tenant, id, version),
  UNIQUE (tenant, id, change)
) STRICT;

CREATE TRIGGER agent_made AFTER INSERT ON agents BEGIN INSERT INTO agent_versions (tenant, id, version, at_ms, capability, change, definition) VALUES (NEW.tenant, NEW.id, NEW.version, NEW.at_ms, NEW.capability, NEW.change, NEW.definition); END;
CREATE TRIGGER agent_changed AFTER UPDATE OF version ON agents BEGIN INSERT INTO agent_versions (tenant, id, version, at_ms, capability, change, definition) VALUES (NEW.tenant, NEW.id, NEW.version, NEW.at_ms, NEW.capability, NEW.change, NEW.definition); END;
CREATE TRIGGER agent_versions_kept AFTER INSERT ON agent_versions BEGIN DELETE FROM agent_versions WHERE tenant = NEW.tenant AND id = NEW.id AND version <= NEW.version - 100; END;
CREATE TRIGGER agent_forgotten AFTER DELETE ON agents BEGIN DELETE FROM agent_versions WHERE tenant = OLD.tenant AND id = OLD.id; END;
