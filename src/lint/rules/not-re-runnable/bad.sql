-- Users have a note.
ALTER TABLE users ADD COLUMN note text;
