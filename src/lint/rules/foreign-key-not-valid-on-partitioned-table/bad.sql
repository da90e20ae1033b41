-- fails: 42809
-- before: 180000
ALTER TABLE events ADD CONSTRAINT events_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
