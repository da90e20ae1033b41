-- Nothing uses the column any more: its comment says so, the name stays until it is dropped.
COMMENT ON COLUMN users.legacy_code IS 'deprecated: not read since version 12';
