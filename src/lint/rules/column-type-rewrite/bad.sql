-- Ages are counted in days from now on.
ALTER TABLE users ALTER COLUMN age TYPE bigint;
