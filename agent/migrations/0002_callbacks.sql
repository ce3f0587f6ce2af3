-- Where to post what came of a job. Times are milliseconds since 1970. A callback is pending as
-- long as its job has not ended, then due, from `due_ms` on, and leased to whoever sends it.
-- `status` is that of the last answer, `error` what was wrong with it.
CREATE TABLE callbacks (
  number INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  url TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'due', 'leased', 'delivered', 'failed')),
  attempt INTEGER NOT NULL DEFAULT 0,
  due_ms INTEGER,
  ticket TEXT,
  lease_until_ms INTEGER,
  ended_ms INTEGER,
  status INTEGER,
  error TEXT,
  UNIQUE (tenant, id),
  CHECK ((state = 'pending') = (due_ms IS NULL)),
  CHECK ((state = 'leased') = (lease_until_ms IS NOT NULL)),
  CHECK ((state IN ('delivered', 'failed')) = (ended_ms IS NOT NULL))
) STRICT;

CREATE INDEX callbacks_due ON callbacks (due_ms) WHERE state = 'due';
CREATE INDEX callbacks_leased ON callbacks (lease_until_ms) WHERE state = 'leased';
CREATE INDEX callbacks_ticket ON callbacks (ticket) WHERE state = 'leased';
CREATE INDEX callbacks_failed ON callbacks (ended_ms) WHERE state = 'failed';

-- Whatever ends a job makes its callback due, in the same transaction: who writes a statement
-- that ends jobs need not think of it, for the table has them set `ended_ms`. A dead letter that
-- is tried again has not ended: its next end is told anew, and whoever is sending the last one
-- holds nothing any more.
--
-- Cloudflare splits what wrangler sends it, and splits triggers, unless they are written like
-- this: in one line each, BEGIN in capitals, with one statement and one END.
CREATE TRIGGER callbacks_of_ended AFTER UPDATE OF ended_ms ON jobs WHEN NEW.ended_ms IS NOT NULL AND OLD.ended_ms IS NULL BEGIN UPDATE callbacks SET state = 'due', due_ms = NEW.ended_ms WHERE tenant = NEW.tenant AND id = NEW.id AND state = 'pending'; END;
CREATE TRIGGER callbacks_of_ended_at_once AFTER INSERT ON jobs WHEN NEW.ended_ms IS NOT NULL BEGIN UPDATE callbacks SET state = 'due', due_ms = NEW.ended_ms WHERE tenant = NEW.tenant AND id = NEW.id AND state = 'pending'; END;
CREATE TRIGGER callbacks_of_revived AFTER UPDATE OF ended_ms ON jobs WHEN NEW.ended_ms IS NULL AND OLD.ended_ms IS NOT NULL BEGIN UPDATE callbacks SET state = 'pending', attempt = 0, due_ms = NULL, ticket = NULL, lease_until_ms = NULL, ended_ms = NULL, status = NULL, error = NULL WHERE tenant = NEW.tenant AND id = NEW.id; END;
CREATE TRIGGER callbacks_of_forgotten AFTER DELETE ON jobs BEGIN DELETE FROM callbacks WHERE tenant = OLD.tenant AND id = OLD.id; END;
