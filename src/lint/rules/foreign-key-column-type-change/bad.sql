-- Members keep a long organization id.
ALTER TABLE members ALTER COLUMN organization_id TYPE bigint;
