-- Ages are counted in days from now on: a new column first.
ALTER TABLE users ADD COLUMN IF NOT EXISTS age_days bigint;
