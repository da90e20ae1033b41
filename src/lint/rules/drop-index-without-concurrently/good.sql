-- Nothing sorts users by name any more.
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;
