-- Each user belongs to an organization.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_organization_id_idx ON users (organization_id);
ALTER TABLE users
  ADD CONSTRAINT users_organization_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id) NOT VALID;
