-- Users may be great.
BEGIN;
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'great' AFTER 'ok';
COMMIT;
BEGIN;
UPDATE users SET current_mood = 'great' WHERE id = 1;
COMMIT;
