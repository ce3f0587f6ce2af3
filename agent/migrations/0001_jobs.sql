-- The queue. Times are milliseconds since 1970. `worker` is who holds the lease, or who has
-- ended the job, `ticket` names the poll that took it. The columns that may be large stand
-- last, so that reading the others does not read them.
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  capability TEXT NOT NULL,
  dispatch TEXT NOT NULL CHECK (dispatch IN ('edge', 'poll')),
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
  state TEXT NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'leased', 'completed', 'failed', 'cancelled')),
  attempt INTEGER NOT NULL DEFAULT 0,
  submitted_ms INTEGER NOT NULL,
  available_ms INTEGER NOT NULL,
  worker TEXT,
  ticket TEXT,
  lease_until_ms INTEGER,
  ended_ms INTEGER,
  error TEXT,
  payload TEXT NOT NULL,
  result TEXT,
  UNIQUE (tenant, id),
  CHECK ((state = 'leased') = (lease_until_ms IS NOT NULL)),
  CHECK ((state IN ('completed', 'failed', 'cancelled')) = (ended_ms IS NOT NULL))
) STRICT;

-- Each holds one state only, so none of them grows with the jobs that have ended, but for the
-- last three. A poll reads as many entries as it takes jobs, and those that wait for their time.
CREATE INDEX jobs_waiting
  ON jobs (dispatch, capability, priority DESC, submitted_ms, number, available_ms)
  WHERE state = 'waiting';
CREATE INDEX jobs_waiting_of_tenant
  ON jobs (tenant, dispatch, capability, priority DESC, submitted_ms, number, available_ms)
  WHERE state = 'waiting';
CREATE INDEX jobs_leased ON jobs (lease_until_ms) WHERE state = 'leased';
CREATE INDEX jobs_ticket ON jobs (ticket) WHERE state = 'leased';
CREATE INDEX jobs_failed ON jobs (capability) WHERE state = 'failed';
CREATE INDEX jobs_ended ON jobs (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE INDEX jobs_of_tenant ON jobs (tenant, state, submitted_ms DESC, number DESC);
