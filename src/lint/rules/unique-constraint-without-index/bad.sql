-- No two users share an address.
ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);
