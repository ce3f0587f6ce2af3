-- What a tenant asks of its own requests reads its own rows alone, and not those of everybody
-- in that time. Each request is one more row written for it.
CREATE INDEX requests_of_tenant ON requests (tenant, at_ms);
