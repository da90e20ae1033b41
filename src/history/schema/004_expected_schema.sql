-- The schema as the last apply left it, or as a person accepted it: drift is what differs from it. One row.
CREATE TABLE drydock.expected_schema (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    fingerprint text NOT NULL,
    -- Equal stamps are equal catalogs: the fingerprint need not be computed again.
    stamp       text NOT NULL,
    -- Of the ledger at that moment: an apply that was killed later has moved the ledger on.
    ledger      text NOT NULL,
    -- [object, fact, definition] of every fact; large values are compressed by the server itself.
    facts       jsonb NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
