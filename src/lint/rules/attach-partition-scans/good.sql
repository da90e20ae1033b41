-- The old readings become a partition; their bounds are proved first.
ALTER TABLE readings_2023
  ADD CONSTRAINT readings_2023_bounds CHECK (taken_on IS NOT NULL AND taken_on >= '2023-01-01' AND taken_on < '2024-01-01') NOT VALID;
BEGIN;
ALTER TABLE readings_2023 VALIDATE CONSTRAINT readings_2023_bounds;
COMMIT;
ALTER TABLE readings ATTACH PARTITION readings_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
