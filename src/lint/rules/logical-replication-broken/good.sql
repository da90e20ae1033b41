-- Organizations get a second key; the first one stays.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS organizations_name_idx ON organizations (name);
