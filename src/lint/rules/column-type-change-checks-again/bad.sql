-- Codes may be longer; their CHECK stays.
ALTER TABLE orders ALTER COLUMN code TYPE varchar(40);
