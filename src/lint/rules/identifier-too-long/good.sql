-- Users say how they want to be told.
ALTER TABLE users ADD COLUMN IF NOT EXISTS preferred_channel text;
