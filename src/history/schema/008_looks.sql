-- What a health sample sees of the schema: a change by hand starts the soak again, also one that was taken back.

-- The trace of the schema at the last look, or as a command of Drydock left it. One row.
CREATE TABLE drydock.schema_trace (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    trace     text NOT NULL
);

-- When a look found the schema changed by hand since the look before it.
CREATE TABLE drydock.changes_by_hand (
    at timestamptz PRIMARY KEY DEFAULT clock_timestamp()
);
