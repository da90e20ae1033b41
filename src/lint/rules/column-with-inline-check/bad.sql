-- Users collect points.
ALTER TABLE users ADD COLUMN points integer CHECK (points >= 0);
