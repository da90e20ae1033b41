-- Nothing sorts users by name any more.
DROP INDEX users_name_idx;
