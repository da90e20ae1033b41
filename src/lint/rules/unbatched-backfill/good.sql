-- The first user gets another address.
UPDATE users SET email = 'first@example.com' WHERE id = 1;
