-- Names are searched without regard to case; a trigger fills the column, old rows in batches.
ALTER TABLE users ADD COLUMN IF NOT EXISTS name_lower text;
