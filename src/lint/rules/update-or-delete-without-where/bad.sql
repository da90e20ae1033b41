-- Everybody's name is shown as it is.
UPDATE users SET display_name = name;
