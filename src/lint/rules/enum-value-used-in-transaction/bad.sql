-- fails: 55P04
BEGIN;
ALTER TYPE mood ADD VALUE 'great' AFTER 'ok';
UPDATE users SET current_mood = 'great' WHERE id = 1;
COMMIT;
