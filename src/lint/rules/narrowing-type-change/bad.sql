-- Names are short.
ALTER TABLE users ALTER COLUMN name TYPE varchar(30);
