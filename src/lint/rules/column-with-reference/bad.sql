-- Every user belongs to the first organization until moved.
ALTER TABLE users ADD COLUMN home_id bigint DEFAULT 1 REFERENCES organizations (id);
