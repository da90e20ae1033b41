-- Users may be great.
ALTER TYPE mood ADD VALUE 'great';
