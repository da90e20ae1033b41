-- What a student handed in: one submission for each homework, the last one counts.
BEGIN;

CREATE TABLE IF NOT EXISTS submissions (
    homework_id  UUID PRIMARY KEY REFERENCES homework (homework_id),
    answer       TEXT NOT NULL,
    submitted_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

COMMIT;
