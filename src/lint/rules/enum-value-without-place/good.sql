-- Users may be great.
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'great' AFTER 'ok';
