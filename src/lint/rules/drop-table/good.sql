-- The audit trail is kept elsewhere.
-- drydock: allow drop-table because the audit service holds every row since 2023
DROP TABLE IF EXISTS audit;
