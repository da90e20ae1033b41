-- Users have devices.
CREATE TABLE IF NOT EXISTS devices (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL
);
