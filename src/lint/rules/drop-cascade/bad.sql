-- Moods are not kept any more.
DROP TYPE mood CASCADE;
