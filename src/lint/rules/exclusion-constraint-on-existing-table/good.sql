-- No two bookings overlap: a new table, filled and swapped in later migrations.
CREATE TABLE IF NOT EXISTS bookings_next (
  id bigint PRIMARY KEY,
  during tsrange NOT NULL,
  EXCLUDE USING gist (during WITH &&)
);
