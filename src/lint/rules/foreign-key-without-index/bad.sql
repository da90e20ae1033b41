-- Each user belongs to an organization.
ALTER TABLE users
  ADD CONSTRAINT users_organization_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id) NOT VALID;
