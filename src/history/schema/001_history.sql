-- Drydock's own schema in every environment: who this database is, what it has, what was done to it.
-- An administrator may have made the schema for a role that may make none. (IF NOT EXISTS would ask for
-- the right to make one all the same.)
DO $$ BEGIN
    IF to_regnamespace('drydock') IS NULL THEN CREATE SCHEMA drydock; END IF;
END $$;

COMMENT ON SCHEMA drydock IS 'Written by Drydock: environment marker, ledger, journal, health samples.';

-- The marker: which environment this database is. One row, written once.
CREATE TABLE drydock.environment (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    name        text NOT NULL,
    database_id uuid NOT NULL DEFAULT gen_random_uuid(),
    marked_at   timestamptz NOT NULL DEFAULT now(),
    marked_by   text NOT NULL
);

-- The ledger: which migrations are in force. A row is written in the migration's own transaction.
CREATE TABLE drydock.ledger (
    version     text PRIMARY KEY,
    name        text NOT NULL,
    checksum    text NOT NULL,
    plan        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('partial', 'complete')),
    steps_done  integer NOT NULL,
    steps_total integer NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by  text NOT NULL,
    duration_ms integer NOT NULL,
    backup      text
);

-- The journal: everything done to this environment. Each hash covers the entry and the hash before.
CREATE TABLE drydock.journal (
    seq      bigint PRIMARY KEY,
    entry    jsonb NOT NULL,
    previous text NOT NULL,
    hash     text NOT NULL
);

CREATE FUNCTION drydock.journal_hash(previous text, seq bigint, entry jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$ SELECT encode(sha256(convert_to(previous || ' ' || seq || ' ' || entry::text, 'UTF8')), 'hex') $$;

CREATE FUNCTION drydock.append_to_journal(new_entry jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    last_seq  bigint := 0;
    last_hash text := '';
BEGIN
    -- One writer at a time: the chain has no forks. Readers are not blocked.
    LOCK TABLE drydock.journal IN SHARE ROW EXCLUSIVE MODE;
    SELECT j.seq, j.hash INTO last_seq, last_hash FROM drydock.journal j ORDER BY j.seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0) + 1;
    last_hash := coalesce(last_hash, '');
    INSERT INTO drydock.journal (seq, entry, previous, hash)
    VALUES (last_seq, new_entry, last_hash, drydock.journal_hash(last_hash, last_seq, new_entry));
    RETURN last_seq;
END $$;

CREATE FUNCTION drydock.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$ BEGIN RAISE EXCEPTION 'the journal of Drydock is append-only'; END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON drydock.journal
FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();

-- What the probes said, and when: the soak and the monitoring are judged by these.
CREATE TABLE drydock.health_samples (
    at      timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    healthy boolean NOT NULL,
    probes  jsonb NOT NULL
);

-- Which of the numbered files above this schema has seen.
CREATE TABLE drydock.schema_version (
    version      integer PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT now()
);
