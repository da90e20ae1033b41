-- Names are sorted by code point.
ALTER TABLE users ALTER COLUMN name TYPE varchar(50) COLLATE "C";
