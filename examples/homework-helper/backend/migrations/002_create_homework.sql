-- What a student has to do. The list of one student, newest first, is the most frequent query:
-- the index serves it and covers the foreign key.
BEGIN;

CREATE TABLE IF NOT EXISTS homework (
    homework_id UUID PRIMARY KEY,
    user_id     VARCHAR(255) NOT NULL REFERENCES users (user_id),
    subject     VARCHAR(100) NOT NULL,
    title       TEXT NOT NULL,
    status      VARCHAR(20) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'submitted', 'graded')),
    due_at      TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_homework_user_created ON homework (user_id, created_at);

COMMIT;
