-- What rescue needs: a row for each time that it was armed, and the shape of the tables wherever Drydock
-- itself has changed it.
CREATE TABLE drydock.rescue_runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- `arming`: begun and not yet of use. Both others are final.
    state      text NOT NULL DEFAULT 'arming' CHECK (state IN ('arming', 'armed', 'rescued', 'disarmed')),
    slot       text NOT NULL,
    -- The database beside the live one that would take its place.
    copy       text NOT NULL,
    backup     text,
    -- Replica identities as they were, written here before any is changed: [{relation, table, identity}].
    identities jsonb NOT NULL,
    -- The tables in the snapshot of the backup, as rescue_image() tells them.
    image      jsonb,
    -- What a rescue would not bring along, as sentences.
    limits     text[] NOT NULL DEFAULT '{}',
    begun_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    begun_by   text NOT NULL,
    ended_at   timestamptz,
    ended_by   text,
    reason     text
);

CREATE UNIQUE INDEX rescue_runs_open_idx ON drydock.rescue_runs ((true)) WHERE state IN ('arming', 'armed');

-- Published: the stream brings the new shape of the tables inside the very transaction that made it.
CREATE TABLE drydock.rescue_marks (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image jsonb NOT NULL
);

-- Every ordinary table by its object id, with its columns by number: names may change, and be traded.
CREATE FUNCTION drydock.rescue_image() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'oid', t.oid::bigint, 'schema', n.nspname, 'name', t.relname,
               'whole', t.relreplident = 'f',
               'key', coalesce((SELECT jsonb_agg(a.attname ORDER BY k.place)
                         FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, place), pg_attribute a
                        WHERE i.indrelid = t.oid AND i.indisprimary AND k.place <= i.indnkeyatts
                          AND a.attrelid = t.oid AND a.attnum = k.attnum), '[]'),
               'columns', coalesce((SELECT jsonb_agg(jsonb_build_object(
                                'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                                'generated', a.attgenerated <> '',
                                'fill', (a.attmissingval::text::text[])[1]) ORDER BY a.attnum)
                            FROM pg_attribute a
                           WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'))
             ORDER BY t.oid), '[]')
      FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE t.relkind = 'r' AND t.relpersistence = 'p' AND n.nspname NOT IN ('drydock', 'information_schema')
       AND n.nspname !~ '^pg_'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid
                          AND d.deptype = 'e')
$$;

-- Called when Drydock writes down what it has done, which is the last thing in its transactions.
CREATE FUNCTION drydock.rescue_mark() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    known jsonb := coalesce((SELECT m.image FROM drydock.rescue_marks m ORDER BY m.id DESC LIMIT 1),
                            (SELECT r.image FROM drydock.rescue_runs r WHERE r.state IN ('arming', 'armed')));
    image jsonb := drydock.rescue_image();
BEGIN
    IF image IS DISTINCT FROM known THEN
        INSERT INTO drydock.rescue_marks (image) VALUES (image);
    END IF;
    RETURN NULL;
END $$;
