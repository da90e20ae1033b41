-- Support writes down what a user asked for.
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
