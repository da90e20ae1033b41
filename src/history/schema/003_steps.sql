-- What became of every step of a migration, run by run. The ledger says what is in force; this says how
-- it came to be, and what was under way when somebody pulled the plug.
CREATE TABLE drydock.steps (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version      text NOT NULL,
    step         integer NOT NULL CHECK (step > 0),
    kind         text NOT NULL CHECK (kind IN ('transaction', 'alone', 'batch')),
    -- Of the step's statements: a file may be edited behind the steps that are in force.
    digest       text NOT NULL,
    -- `begun` without an end: only of steps that are not in one transaction with this row.
    outcome      text NOT NULL CHECK (outcome IN ('begun', 'done', 'found done', 'failed')),
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    tries        integer,
    lock_wait_ms integer,
    row_count    bigint,
    sqlstate     text,
    message      text,
    statements   jsonb NOT NULL DEFAULT '[]',
    -- What stood there before a statement outside any transaction: what is new afterwards is its doing.
    before       jsonb,
    run_by       text NOT NULL
);

CREATE INDEX steps_version_idx ON drydock.steps (version, step, id);

-- `abandoned`: some steps are in force, and a person decided that the rest shall not be run.
ALTER TABLE drydock.ledger
    DROP CONSTRAINT ledger_state_check,
    ADD CONSTRAINT ledger_state_check CHECK (state IN ('partial', 'complete', 'abandoned')),
    -- Why a person said that it is complete or abandoned.
    ADD COLUMN reason text;
