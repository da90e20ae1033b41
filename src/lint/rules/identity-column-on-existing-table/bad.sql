-- Orders get a running number.
ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
