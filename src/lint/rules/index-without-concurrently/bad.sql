-- Users are looked up by age.
CREATE INDEX users_age_idx ON users (age);
