-- The first user is a year older.
UPDATE users SET age = age + 1 WHERE id = 1;
