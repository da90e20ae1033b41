-- size: users 5000000000
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
