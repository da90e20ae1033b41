-- Display names may be longer; the view that shows them is made again.
BEGIN;
DROP VIEW IF EXISTS active_users;
ALTER TABLE users ALTER COLUMN display_name TYPE varchar(100);
CREATE VIEW active_users AS SELECT id, display_name FROM users;
COMMIT;
