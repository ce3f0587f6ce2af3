-- What is recorded of requests and of jobs. Triggers stand in one line each, with one statement
-- and one END, since D1 may split what it is sent: see 0002_callbacks.sql.

-- A row for each request that the agent answered. `written_ms`, `batch`: when, and in which
-- statement, an isolate wrote it, with `number` its place there. So the key is in the order of
-- time, a statement that is repeated writes nothing more, and a row is written once, with no
-- index beside it. The other columns: agent/records/request.py.
CREATE TABLE requests (
  written_ms INTEGER NOT NULL,
  batch TEXT NOT NULL,
  number INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  method TEXT NOT NULL,
  status INTEGER NOT NULL,
  took_ms REAL NOT NULL,
  capability TEXT NOT NULL,
  outcome TEXT NOT NULL,
  cache TEXT NOT NULL,
  variant TEXT NOT NULL,
  region TEXT NOT NULL,
  worker TEXT NOT NULL,
  tenant TEXT NOT NULL,
  PRIMARY KEY (written_ms, batch, number)
) STRICT, WITHOUT ROWID;

-- What became of a job, step by step, by the clock of the database. It outlives the job, whose
-- `submitted_ms` tells it from a later one with the same id.
CREATE TABLE activation_log (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  submitted_ms INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  worker TEXT,
  error TEXT
) STRICT;

CREATE INDEX activation_log_of ON activation_log (tenant, id, number);

CREATE TRIGGER log_submitted AFTER INSERT ON jobs BEGIN INSERT INTO activation_log (tenant, id, submitted_ms, at_ms, state, attempt, error) VALUES (NEW.tenant, NEW.id, NEW.submitted_ms, CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER), NEW.state, NEW.attempt, NEW.error); END;

-- `worker`: who holds the job from now on, or held it until now. A job that is leased again, or
-- revived, has still the error of the attempt before, which is none of this step.
CREATE TRIGGER log_changed AFTER UPDATE OF state, attempt ON jobs WHEN OLD.state IS NOT NEW.state OR OLD.attempt IS NOT NEW.attempt BEGIN INSERT INTO activation_log (tenant, id, submitted_ms, at_ms, state, attempt, worker, error) VALUES (NEW.tenant, NEW.id, NEW.submitted_ms, CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER), NEW.state, NEW.attempt, iif('leased' IN (OLD.state, NEW.state), coalesce(NEW.worker, OLD.worker), NULL), iif(OLD.state = 'leased' AND NEW.state IN ('waiting', 'failed'), NEW.error, NULL)); END;
