-- The old code is not read any more.
-- drydock: allow drop-column because no release since 12 names it
ALTER TABLE users DROP COLUMN IF EXISTS legacy_code;
