-- The view shows the age too: dropped and made again in one transaction.
DROP VIEW IF EXISTS active_users;
CREATE VIEW active_users AS SELECT id, display_name, age FROM users;
