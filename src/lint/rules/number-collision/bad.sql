-- collides: 008_add_other_mode.sql
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
