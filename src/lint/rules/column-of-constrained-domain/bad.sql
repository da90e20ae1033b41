-- Users may give a second address.
ALTER TABLE users ADD COLUMN second_email email_address;
