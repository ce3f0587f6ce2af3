-- Workers that have registered. Times are milliseconds since 1970. `tenant` is the API key that
-- a worker came with, so two keys may use the same id. `seen_ms` is its last sign of life. A
-- worker is lost when it is silent for too long and has no lease left: then no poll looks at it.
CREATE TABLE workers (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  region TEXT NOT NULL,
  metadata TEXT NOT NULL,
  registered_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  is_lost INTEGER NOT NULL DEFAULT 0 CHECK (is_lost IN (0, 1)),
  UNIQUE (tenant, id)
) STRICT;

CREATE INDEX workers_of_tenant ON workers (tenant, number);
CREATE INDEX workers_seen ON workers (is_lost, seen_ms);

-- The registered worker whose heartbeats keep the lease: its `number`. NULL if the worker has
-- not registered, or if the agent itself runs the job.
ALTER TABLE jobs ADD COLUMN keeper INTEGER;
CREATE INDEX jobs_keeper ON jobs (keeper) WHERE state = 'leased' AND keeper IS NOT NULL;
