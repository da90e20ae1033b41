-- The old database is dropped by hand; its marker goes first.
COMMENT ON TABLE audit IS 'the old database is gone';
