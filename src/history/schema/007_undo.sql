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
CREATE FUNCTION drydock.undo_place(run bigint, relation oid, key jsonb, is_deleted boolean) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_catalog.md5(run::text || ' ' || relation::text || ' ' || is_deleted::text || ' ' || key::text) $$;

CREATE UNIQUE INDEX undo_rows_place_idx ON drydock.undo_rows (drydock.undo_place(run, relation, key, what = 'deleted'))
    WHERE key IS NOT NULL;

CREATE INDEX undo_rows_turn_idx ON drydock.undo_rows (run, relation, what, id);

-- Both are called for every row by those below, whose search_path is theirs: a SET of their own would cost more
-- than what they do.
CREATE FUNCTION drydock.undo_part(of_row jsonb, columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT pg_catalog.jsonb_object_agg(c, of_row -> c) FROM pg_catalog.unnest(columns) c $$;

-- The columns of `one` that `other` has with another value.
CREATE FUNCTION drydock.undo_unlike(one jsonb, other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(pg_catalog.jsonb_object_agg(e.key, e.value), '{}') FROM pg_catalog.jsonb_each(one) e
     WHERE pg_catalog.jsonb_exists(other, e.key) AND e.value <> other -> e.key
$$;

-- Called for every row that a migration changes, with its columns as texts before and after.
CREATE FUNCTION drydock.undo_note(of_run bigint, of_relation oid, key_columns text[], row_was jsonb, row_became jsonb)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off
AS $$
DECLARE
    key_was    jsonb := drydock.undo_part(row_was, key_columns);
    key_became jsonb := drydock.undo_part(row_became, key_columns);
    earlier    drydock.undo_rows;
    changed    jsonb;
BEGIN
    IF key_columns = '{}' THEN
        INSERT INTO drydock.undo_rows (run, relation, what, was, became)
        VALUES (of_run, of_relation, CASE WHEN row_was IS NULL THEN 'inserted' WHEN row_became IS NULL THEN 'deleted' ELSE 'updated' END,
                row_was, row_became);
        RETURN;
    END IF;

    -- What was noted of this row before: of the living one, or of one with this key that was deleted.
    DELETE FROM drydock.undo_rows r
     WHERE r.key IS NOT NULL
       AND drydock.undo_place(r.run, r.relation, r.key, r.what = 'deleted')
         = drydock.undo_place(of_run, of_relation, coalesce(key_was, key_became), row_was IS NULL)
    RETURNING * INTO earlier;

    IF row_was IS NULL THEN
        IF earlier.id IS NOT NULL THEN
            row_was := earlier.was;
            earlier := NULL;
        END IF;
    ELSIF earlier.what = 'inserted' THEN
        row_was := NULL;
        row_became := earlier.became || row_became;
    ELSIF earlier.what = 'updated' THEN
        row_was := row_was || earlier.was;
    END IF;

    IF row_was IS NULL AND row_became IS NULL THEN RETURN; END IF;
    IF row_was IS NOT NULL AND row_became IS NOT NULL THEN
        -- Columns that were noted before a rename or a new type keep their last value.
        row_became := coalesce(earlier.became, '{}') || row_became;
        changed := drydock.undo_unlike(row_was, row_became);
        IF changed <> '{}' THEN
            INSERT INTO drydock.undo_rows (run, relation, key, what, was, became)
            VALUES (of_run, of_relation, key_became, 'updated', changed, drydock.undo_unlike(row_became, row_was));
        END IF;
    ELSE
        INSERT INTO drydock.undo_rows (run, relation, key, what, was, became)
        VALUES (of_run, of_relation,
                CASE WHEN row_became IS NULL THEN drydock.undo_part(row_was, key_columns) ELSE key_became END,
                CASE WHEN row_was IS NULL THEN 'inserted' ELSE 'deleted' END, row_was, row_became);
    END IF;
END $$;

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
