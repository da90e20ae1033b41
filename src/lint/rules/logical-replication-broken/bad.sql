-- Bookings get another key later.
ALTER TABLE bookings DROP CONSTRAINT bookings_pkey;
