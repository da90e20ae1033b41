-- Users may give a second address.
ALTER TABLE users ADD COLUMN IF NOT EXISTS second_email text;
ALTER TABLE users ADD CONSTRAINT users_second_email_check CHECK (second_email LIKE '%@%') NOT VALID;
