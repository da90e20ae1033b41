-- Users have devices.
CREATE TABLE devices (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users (id)
);
CREATE INDEX ON devices (user_id);
