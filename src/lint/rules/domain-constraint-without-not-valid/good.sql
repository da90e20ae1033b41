-- Addresses are not longer than a mail server takes.
ALTER DOMAIN email_address ADD CONSTRAINT email_length CHECK (length(VALUE) < 255) NOT VALID;
