-- The readings of 2024 are archived.
ALTER TABLE readings DETACH PARTITION readings_2024;
