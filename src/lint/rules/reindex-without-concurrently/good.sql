-- The index on names has grown.
REINDEX INDEX CONCURRENTLY users_name_idx;
