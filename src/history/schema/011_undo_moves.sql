-- A row of a parent may get another key before the rows that refer to it are put back: where it has gone. The
-- old rule (ON UPDATE CASCADE) would have taken them along.
CREATE TABLE drydock.undo_moves (
    run      bigint NOT NULL REFERENCES drydock.undo_runs ON DELETE CASCADE,
    relation oid NOT NULL,
    -- Texts by the number of their column: of all columns that are followed.
    was      jsonb NOT NULL,
    became   jsonb NOT NULL,
    PRIMARY KEY (run, relation, was)
);

CREATE INDEX undo_moves_became_idx ON drydock.undo_moves (run, relation, became);

-- The numbers of the columns that are followed are the trigger's arguments; triggers of earlier versions have
-- none, and move the notes alone.
CREATE OR REPLACE FUNCTION drydock.undo_follow() RETURNS trigger
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
        SELECT o.id AS run, ARRAY(SELECT pg_catalog.jsonb_object_keys(example.key)) AS numbers
          FROM drydock.undo_runs o CROSS JOIN LATERAL (
            SELECT r.key FROM drydock.undo_rows r
             WHERE r.run = o.id AND r.relation = whole AND r.key IS NOT NULL LIMIT 1) AS example
         WHERE o.state IN ('kept', 'going back')
    LOOP
        texts := drydock.undo_texts(whole, noted.numbers);
        EXECUTE texts INTO key_was USING OLD;
        EXECUTE texts INTO key_became USING NEW;
        UPDATE drydock.undo_rows r SET key = key_became
         WHERE r.key IS NOT NULL
           AND drydock.undo_place(r.run, r.relation, r.key, r.what = 'deleted')
             = drydock.undo_place(noted.run, whole, key_was, false);
    END LOOP;
    IF TG_NARGS > 0 THEN
        texts := drydock.undo_texts(whole, TG_ARGV);
        EXECUTE texts INTO key_was USING OLD;
        EXECUTE texts INTO key_became USING NEW;
        WITH run AS (
            SELECT o.id FROM drydock.undo_runs o
             WHERE o.state IN ('kept', 'going back') AND whole = ANY (o.captured)),
        further AS (
            UPDATE drydock.undo_moves m SET became = key_became FROM run
             WHERE m.run = run.id AND m.relation = whole AND m.became = key_was RETURNING m.run)
        INSERT INTO drydock.undo_moves (run, relation, was, became)
            SELECT id, whole, key_was, key_became FROM run WHERE id NOT IN (SELECT f.run FROM further f)
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

-- The query that makes texts by number of some columns of a row, which is its parameter.
CREATE FUNCTION drydock.undo_texts(relation oid, numbers text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = ''
AS $$
    SELECT pg_catalog.format('SELECT pg_catalog.jsonb_object(%L::text[], ARRAY[%s]::text[])',
               pg_catalog.array_agg(a.attnum::text ORDER BY a.attnum),
               pg_catalog.string_agg(pg_catalog.format('($1).%I::text', a.attname), ', ' ORDER BY a.attnum))
      FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = undo_texts.relation AND a.attnum::text = ANY (undo_texts.numbers)
$$;
