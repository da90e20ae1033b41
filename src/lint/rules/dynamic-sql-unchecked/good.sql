-- The audit trail has a remark.
ALTER TABLE audit ADD COLUMN IF NOT EXISTS remark text;
