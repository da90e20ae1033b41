-- Members keep a long organization id, beside the short one for now.
ALTER TABLE members ADD COLUMN IF NOT EXISTS organization_number bigint;
