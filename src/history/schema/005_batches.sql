-- How far the statements are that are run in batches: each batch commits together with its row here. A row
-- is gone when its step is in force.
CREATE TABLE drydock.batches (
    version    text NOT NULL,
    step       integer NOT NULL,
    -- Of the statement and its key: another statement begins at the first key.
    digest     text NOT NULL,
    -- Keys as texts: the last one that is done, and the last one that there was at the beginning.
    done_to    text[],
    ends_at    text[] NOT NULL,
    walked     bigint NOT NULL DEFAULT 0,
    changed    bigint NOT NULL DEFAULT 0,
    batches    integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (version, step)
);

-- While there is a row, no batch is begun.
CREATE TABLE drydock.pause (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    paused_by text NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
