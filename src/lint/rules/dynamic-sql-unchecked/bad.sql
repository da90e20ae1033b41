-- Every partition gets a note.
DO $$
DECLARE part text;
BEGIN
  FOR part IN SELECT relname FROM pg_class WHERE relname = 'audit' LOOP
    EXECUTE format('ALTER TABLE %I ADD COLUMN IF NOT EXISTS remark text', part);
  END LOOP;
END
$$;
