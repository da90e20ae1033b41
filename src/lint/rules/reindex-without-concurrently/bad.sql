-- The index on names has grown.
REINDEX INDEX users_name_idx;
