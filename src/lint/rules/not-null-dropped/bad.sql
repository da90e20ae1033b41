-- Orders may come without a user.
ALTER TABLE orders ALTER COLUMN user_id DROP NOT NULL;
