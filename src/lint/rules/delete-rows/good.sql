-- Old orders are marked, and stay.
BEGIN;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS deleted_at timestamptz;
COMMIT;
UPDATE orders SET deleted_at = now() WHERE id = 100;
