-- The readings of 2025 get a partition; it is new and empty, and there is no DEFAULT to read.
CREATE TABLE IF NOT EXISTS readings_2025 (LIKE readings INCLUDING ALL);
ALTER TABLE readings_2025
  ADD CONSTRAINT readings_2025_bounds CHECK (taken_on IS NOT NULL AND taken_on >= '2025-01-01' AND taken_on < '2026-01-01') NOT VALID;
BEGIN;
ALTER TABLE readings_2025 VALIDATE CONSTRAINT readings_2025_bounds;
COMMIT;
ALTER TABLE readings ATTACH PARTITION readings_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
