-- The audit trail of the day is kept apart, and need not survive a crash.
CREATE UNLOGGED TABLE IF NOT EXISTS audit_today (id bigint PRIMARY KEY, note text);
