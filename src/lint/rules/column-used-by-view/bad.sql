-- fails: 0A000
ALTER TABLE users ALTER COLUMN display_name TYPE varchar(100);
