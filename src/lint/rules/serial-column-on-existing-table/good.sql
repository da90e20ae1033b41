-- Orders get a running number; old rows are filled in batches.
CREATE SEQUENCE IF NOT EXISTS orders_number_seq;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS number bigint;
ALTER TABLE orders ALTER COLUMN number SET DEFAULT nextval('orders_number_seq');
