-- What undo needs: one row for each plan that was applied with undo on, and the rows that it changed.
CREATE TABLE drydock.undo_runs (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan             text NOT NULL,
    -- `kept`: may be taken back. `going back`: rows are being put back. Both others are final.
    state            text NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'going back', 'undone', 'finalized')),
    versions         text[] NOT NULL,
    -- Relations that were there before the plan: what the plan made needs no keeping.
    relations_before oid[] NOT NULL,
    -- The way back of the schema, as the rehearsal proved it; null: nothing is proven.
    way_back         text[],
    proven_ms        integer,
    -- Columns and tables that were put aside: [{kind, name, relation, column}].
    kept             jsonb NOT NULL DEFAULT '[]',
    -- Columns with another type: [{relation, column, from, to}].
    retyped          jsonb NOT NULL DEFAULT '[]',
    -- Tables whose rows were noted: others' changes of their keys are followed.
    captured         oid[] NOT NULL DEFAULT '{}',
    -- What was done so far: {restored, inserted, deleted, untouched}.
    progress         jsonb NOT NULL DEFAULT '{}',
    begun_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    begun_by         text NOT NULL,
    ended_at         timestamptz,
    ended_by         text,
    reason           text
);

-- What became of each row that the plan changed, from its first change to its last: one line for a row.
CREATE TABLE drydock.undo_rows (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run      bigint NOT NULL REFERENCES drydock.undo_runs ON DELETE CASCADE,
    relation oid NOT NULL,
    -- Texts by the number of their column. Null: the table has no key, and `was` or `became` is whole.
    key      jsonb,
    what     text NOT NULL CHECK (what IN ('inserted', 'updated', 'deleted')),
    was      jsonb,
    became   jsonb,
    -- Why it could not be put back.
    problem  text
);

-- Where a row is noted, as one value: the plan that a function keeps is made while the table is empty, and must
-- not take another index than the one below. A deleted row and one that took its key are two.
CREATE FUNCTION drydock.undo_place(run bigint, relation oid, key jsonb, is_deleted boolean) RETURNS uuid
LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_catalog.md5(run::text || ' ' || relation::text || ' ' || is_deleted::text || ' ' || key::text)::uuid $$;

CREATE UNIQUE INDEX undo_rows_place_idx ON drydock.undo_rows (drydock.undo_place(run, relation, key, what = 'deleted'))
    WHERE key IS NOT NULL;

CREATE INDEX undo_rows_turn_idx ON drydock.undo_rows (run, relation, what, id);

-- A noted row may get another key before it is put back. The triggers that call this stay until then.
CREATE FUNCTION drydock.undo_follow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
SET extra_float_digits = 3 SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex' SET timezone = 'UTC'
AS $$
DECLARE
    whole      oid := coalesce(pg_catalog.pg_partition_root(TG_RELID), TG_RELID);
    noted      record;
    texts      text;
    key_was    jsonb;
    key_became jsonb;
BEGIN
    FOR noted IN
        SELECT o.id AS run, (SELECT r.key FROM drydock.undo_rows r
                              WHERE r.run = o.id AND r.relation = whole AND r.key IS NOT NULL LIMIT 1) AS example
          FROM drydock.undo_runs o WHERE o.state IN ('kept', 'going back')
    LOOP
        CONTINUE WHEN noted.example IS NULL;
        SELECT pg_catalog.format('SELECT pg_catalog.jsonb_object(%L::text[], ARRAY[%s]::text[])',
                   pg_catalog.array_agg(a.attnum::text ORDER BY a.attnum),
                   pg_catalog.string_agg(pg_catalog.format('($1).%I::text', a.attname), ', ' ORDER BY a.attnum))
          INTO texts FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = whole AND pg_catalog.jsonb_exists(noted.example, a.attnum::text);
        EXECUTE texts INTO key_was USING OLD;
        EXECUTE texts INTO key_became USING NEW;
        UPDATE drydock.undo_rows r SET key = key_became
         WHERE r.key IS NOT NULL
           AND drydock.undo_place(r.run, r.relation, r.key, r.what = 'deleted')
             = drydock.undo_place(noted.run, whole, key_was, false);
    END LOOP;
    RETURN NULL;
END $$;
