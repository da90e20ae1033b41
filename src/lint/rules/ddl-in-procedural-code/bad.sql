-- Users have a note.
DO $$
BEGIN
  ALTER TABLE users ADD COLUMN note text;
END
$$;
