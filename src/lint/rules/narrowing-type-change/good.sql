-- Names are short: new ones are checked, old ones stay.
ALTER TABLE users ADD CONSTRAINT users_name_length CHECK (length(name) <= 30) NOT VALID;
