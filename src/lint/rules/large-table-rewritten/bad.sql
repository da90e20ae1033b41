-- size: users 5000000000
ALTER TABLE users ALTER COLUMN age TYPE bigint;
