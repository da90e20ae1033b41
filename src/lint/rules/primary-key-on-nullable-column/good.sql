-- Audit rows get a key: the column is NOT NULL already.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS audit_pkey ON audit (id);
ALTER TABLE audit ADD CONSTRAINT audit_pkey PRIMARY KEY USING INDEX audit_pkey;
