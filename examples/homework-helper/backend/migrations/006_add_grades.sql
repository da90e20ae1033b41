-- The grade of a submission, from 1 to 6, and when it was given. Empty until a teacher has read it.
BEGIN;

ALTER TABLE submissions ADD COLUMN IF NOT EXISTS grade SMALLINT;
ALTER TABLE submissions ADD COLUMN IF NOT EXISTS graded_at TIMESTAMPTZ;

COMMIT;
