-- Everybody's name is shown as it is: along the key, each batch committed.
-- drydock: batch
UPDATE users SET display_name = name;
