-- Users have a note, but nothing is committed.
BEGIN;
ALTER TABLE users ADD COLUMN note text;
