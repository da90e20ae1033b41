-- The audit trail need not survive a crash.
ALTER TABLE audit SET UNLOGGED;
