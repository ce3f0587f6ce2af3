-- Tenants take turns, have limits, and their jobs may depend on each other. Triggers keep all of
-- it in the transaction that changes a job. They stand in one line each, with one statement and
-- one END, since D1 may split what it is sent: see 0002_callbacks.sql.

-- `depends_on`: a JSON list of ids, of the same tenant. `blocked`: how many of these have not
-- completed. A job is ready if it waits and is not blocked. A blocked job has a time in
-- `available_ms` that never comes, so code that knows nothing of it takes none.
-- `size`: of the payload, in bytes. `start_within_ms`: how long it may wait for a worker.
-- `in_turn`: its lease was the turn of its tenant in the line.
ALTER TABLE jobs ADD COLUMN depends_on TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN start_within_ms INTEGER;
ALTER TABLE jobs ADD COLUMN in_turn INTEGER NOT NULL DEFAULT 0;

-- A poll reads it lane by lane. Code that knows nothing of lanes reads all that waits.
DROP INDEX jobs_waiting;
DROP INDEX jobs_waiting_of_tenant;
CREATE INDEX jobs_waiting_of_tenant
  ON jobs (tenant, dispatch, capability, blocked, priority DESC, submitted_ms, number, available_ms)
  WHERE state = 'waiting';
CREATE INDEX jobs_to_expire ON jobs (available_ms + start_within_ms)
  WHERE state = 'waiting' AND start_within_ms IS NOT NULL;

-- The line of tenants. A lane is there as long as a tenant has ready jobs of a capability, of a
-- priority. It joins the line at its end, and goes to the end when one of its jobs is leased in
-- turn: so each lane before it goes once, and then it is first.
CREATE TABLE lanes (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  dispatch TEXT NOT NULL,
  capability TEXT NOT NULL,
  priority INTEGER NOT NULL,
  ready INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  UNIQUE (tenant, dispatch, capability, priority)
) STRICT;

CREATE INDEX lanes_line ON lanes (dispatch, capability, priority DESC, turn, tenant);
CREATE INDEX lanes_turn ON lanes (turn);

-- What each tenant has in the queue. `waiting`: blocked ones, too. `running`: leased by the agent
-- itself. `bytes`: of the payloads of jobs that have not ended.
CREATE TABLE tenants (
  tenant TEXT NOT NULL PRIMARY KEY,
  waiting INTEGER NOT NULL,
  running INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By the numbers of jobs: `needs` is older than `job`, so nothing can wait for itself, through
-- however many others. An id may come again when it was forgotten, and is then another job.
CREATE TABLE dependencies (
  job INTEGER NOT NULL,
  place INTEGER NOT NULL,
  needs INTEGER NOT NULL,
  PRIMARY KEY (job, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependencies_of ON dependencies (needs, job);

UPDATE jobs SET size = length(CAST(payload AS BLOB)) WHERE ended_ms IS NULL;
INSERT INTO lanes (tenant, dispatch, capability, priority, ready, turn) SELECT tenant, dispatch, capability, priority, count(*), row_number() OVER (ORDER BY min(number)) FROM jobs WHERE state = 'waiting' GROUP BY tenant, dispatch, capability, priority;
INSERT INTO tenants (tenant, waiting, running, bytes) SELECT tenant, sum(state = 'waiting'), sum(state = 'leased' AND dispatch = 'edge'), sum(size) FROM jobs GROUP BY tenant;

CREATE TRIGGER lanes_of_submitted AFTER INSERT ON jobs WHEN NEW.state = 'waiting' AND NEW.blocked = 0 BEGIN INSERT INTO lanes (tenant, dispatch, capability, priority, ready, turn) VALUES (NEW.tenant, NEW.dispatch, NEW.capability, NEW.priority, 1, (SELECT coalesce(max(turn), 0) + 1 FROM lanes)) ON CONFLICT (tenant, dispatch, capability, priority) DO UPDATE SET ready = ready + 1; END;
CREATE TRIGGER lanes_of_ready AFTER UPDATE OF state, blocked ON jobs WHEN NEW.state = 'waiting' AND NEW.blocked = 0 AND (OLD.state <> 'waiting' OR OLD.blocked > 0) BEGIN INSERT INTO lanes (tenant, dispatch, capability, priority, ready, turn) VALUES (NEW.tenant, NEW.dispatch, NEW.capability, NEW.priority, 1, (SELECT coalesce(max(turn), 0) + 1 FROM lanes)) ON CONFLICT (tenant, dispatch, capability, priority) DO UPDATE SET ready = ready + 1; END;
CREATE TRIGGER lanes_of_left AFTER UPDATE OF state, blocked ON jobs WHEN OLD.state = 'waiting' AND OLD.blocked = 0 AND (NEW.state <> 'waiting' OR NEW.blocked > 0) BEGIN UPDATE lanes SET ready = ready - 1, turn = iif(NEW.state = 'leased' AND NEW.in_turn, (SELECT max(turn) + 1 FROM lanes), turn) WHERE tenant = NEW.tenant AND dispatch = NEW.dispatch AND capability = NEW.capability AND priority = NEW.priority; END;
CREATE TRIGGER lanes_emptied AFTER UPDATE OF ready ON lanes WHEN NEW.ready <= 0 BEGIN DELETE FROM lanes WHERE number = NEW.number; END;

CREATE TRIGGER tenants_of_submitted AFTER INSERT ON jobs BEGIN INSERT INTO tenants (tenant, waiting, running, bytes) VALUES (NEW.tenant, NEW.state = 'waiting', 0, iif(NEW.ended_ms IS NULL, NEW.size, 0)) ON CONFLICT (tenant) DO UPDATE SET waiting = waiting + excluded.waiting, bytes = bytes + excluded.bytes; END;
CREATE TRIGGER tenants_of_changed AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state BEGIN UPDATE tenants SET waiting = waiting + (NEW.state = 'waiting') - (OLD.state = 'waiting'), running = running + (NEW.state = 'leased' AND NEW.dispatch = 'edge') - (OLD.state = 'leased' AND NEW.dispatch = 'edge'), bytes = bytes + NEW.size * ((NEW.ended_ms IS NULL) - (OLD.ended_ms IS NULL)) WHERE tenant = NEW.tenant; END;

CREATE TRIGGER dependencies_of_submitted AFTER INSERT ON jobs WHEN NEW.depends_on <> '[]' BEGIN INSERT INTO dependencies (job, place, needs) SELECT NEW.number, asked.key, needed.number FROM json_each(NEW.depends_on) AS asked CROSS JOIN jobs AS needed ON needed.tenant = NEW.tenant AND needed.id = asked.value; END;
CREATE TRIGGER dependencies_of_forgotten AFTER DELETE ON jobs BEGIN DELETE FROM dependencies WHERE job = OLD.number; END;

-- A job that completes may be the last one that another waits for. One that ends otherwise ends
-- all that wait for it, directly or through others.
CREATE TRIGGER dependants_of_completed AFTER UPDATE OF state ON jobs WHEN NEW.state = 'completed' AND OLD.state <> 'completed' BEGIN UPDATE jobs SET blocked = (SELECT count(*) FROM dependencies CROSS JOIN jobs AS needed ON needed.number = dependencies.needs WHERE dependencies.job = jobs.number AND needed.state <> 'completed'), available_ms = iif(EXISTS (SELECT 1 FROM dependencies CROSS JOIN jobs AS needed ON needed.number = dependencies.needs WHERE dependencies.job = jobs.number AND needed.state <> 'completed'), available_ms, NEW.ended_ms) WHERE number IN (SELECT job FROM dependencies WHERE needs = NEW.number) AND state = 'waiting' AND blocked > 0; END;
CREATE TRIGGER dependants_of_ended AFTER UPDATE OF ended_ms ON jobs WHEN NEW.ended_ms IS NOT NULL AND OLD.ended_ms IS NULL AND NEW.state <> 'completed' BEGIN UPDATE jobs SET state = NEW.state, ended_ms = NEW.ended_ms, error = 'dependency-' || NEW.state || ': ' || NEW.id || ', which it depends on, ' || iif(NEW.state = 'failed', 'failed', 'was cancelled') WHERE state = 'waiting' AND number IN (WITH RECURSIVE dependants (number) AS (SELECT job FROM dependencies WHERE needs = NEW.number UNION SELECT dependencies.job FROM dependants CROSS JOIN dependencies ON dependencies.needs = dependants.number) SELECT number FROM dependants); END;

-- As before, but a job that fails while it waits says why, too.
DROP TRIGGER log_changed;
CREATE TRIGGER log_changed AFTER UPDATE OF state, attempt ON jobs WHEN OLD.state IS NOT NEW.state OR OLD.attempt IS NOT NEW.attempt BEGIN INSERT INTO activation_log (tenant, id, submitted_ms, at_ms, state, attempt, worker, error) VALUES (NEW.tenant, NEW.id, NEW.submitted_ms, CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER), NEW.state, NEW.attempt, iif('leased' IN (OLD.state, NEW.state), coalesce(NEW.worker, OLD.worker), NULL), iif(NEW.state = 'failed' OR OLD.state = 'leased' AND NEW.state = 'waiting', NEW.error, NULL)); END;
