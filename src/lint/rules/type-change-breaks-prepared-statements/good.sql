-- Names may be longer: a text column beside the old one.
ALTER TABLE users ADD COLUMN IF NOT EXISTS full_name text;
