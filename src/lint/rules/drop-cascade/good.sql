-- The view of active users is not read any more.
DROP VIEW IF EXISTS active_users;
