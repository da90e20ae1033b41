-- Audit rows get a key.
ALTER TABLE audit ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
