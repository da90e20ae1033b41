-- Names may be longer.
ALTER TABLE users ALTER COLUMN name TYPE varchar(100);
