-- Users say how they want to be told.
ALTER TABLE users ADD COLUMN IF NOT EXISTS preferred_channel_for_notifications_about_homework_that_is_due_soon text;
