-- Orders get a running number: first the column; numbers and identity follow in later migrations.
ALTER TABLE orders ADD COLUMN IF NOT EXISTS number bigint;
