-- Everybody is a year older.
UPDATE users SET age = age + 1;
