-- Nobody looks at the active users any more.
DROP VIEW IF EXISTS active_users;
