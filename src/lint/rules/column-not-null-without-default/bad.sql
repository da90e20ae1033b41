-- fails: 23502
ALTER TABLE users ADD COLUMN locale text NOT NULL;
