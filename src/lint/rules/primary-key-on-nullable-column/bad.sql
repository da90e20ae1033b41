-- Users' addresses become the key of the audit trail.
CREATE UNIQUE INDEX CONCURRENTLY audit_note_idx ON audit (note);
ALTER TABLE audit ADD CONSTRAINT audit_pkey PRIMARY KEY USING INDEX audit_note_idx;
