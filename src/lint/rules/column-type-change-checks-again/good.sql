-- Codes may be longer; their CHECK is checked afterwards.
ALTER TABLE orders DROP CONSTRAINT IF EXISTS orders_code_check;
ALTER TABLE orders ALTER COLUMN code TYPE varchar(40);
ALTER TABLE orders ADD CONSTRAINT orders_code_check CHECK (code <> '') NOT VALID;
BEGIN;
ALTER TABLE orders VALIDATE CONSTRAINT orders_code_check;
COMMIT;
