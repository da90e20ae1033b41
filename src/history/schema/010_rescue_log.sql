-- What a rescue needs where the server's own log does not tell rows (wal_level below logical): triggers on every
-- table write each change into a log table, together with the change itself.
ALTER TABLE drydock.rescue_runs
    ADD COLUMN capture text NOT NULL DEFAULT 'stream' CHECK (capture IN ('stream', 'triggers')),
    -- The snapshot of the backup: what it sees is not played again.
    ADD COLUMN snapshot text,
    -- At this size of the log it is given up, before the disk is full: triggers stop to write by themselves.
    ADD COLUMN log_limit bigint;

CREATE SEQUENCE drydock.rescue_log_place;

-- One row for each changed row, in the order in which rows were locked and constraints were looked at.
CREATE TABLE drydock.rescue_log (
    place    bigint NOT NULL,
    -- Of the whole transaction, also inside of savepoints.
    xid      xid8 NOT NULL,
    relation oid NOT NULL,
    -- INSERT, UPDATE, DELETE, TRUNCATE; M: Drydock's own transaction, with the new shape of the tables.
    what     "char" NOT NULL,
    -- Where the old and the new version of the row stand: they tell the order within one statement.
    was      tid,
    became   tid,
    -- Numbers of the columns of the moment, where a migration may change them meanwhile.
    shape    text,
    old      text,
    new      text
);
CREATE INDEX rescue_log_xid_idx ON drydock.rescue_log (xid);

-- Fires for every changed row, as the owner of this schema: the application needs no right on it. Its settings
-- are those of the session that plays the texts; the application's own would change them.
CREATE FUNCTION drydock.rescue_capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog
SET extra_float_digits = 3
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
SET timezone = 'UTC'
SET lc_monetary = 'C'
AS $$
DECLARE
    place bigint := nextval('drydock.rescue_log_place');
    shape text;
BEGIN
    -- Given up: see rescue_give_up().
    IF place >= 4611686018427387904 THEN
        RETURN NULL;
    END IF;
    IF place % 256 = 0 THEN
        PERFORM drydock.rescue_look();
    END IF;
    IF current_setting('application_name') LIKE 'drydock apply%' THEN
        shape := (SELECT string_agg(attnum::text, ' ' ORDER BY attnum) FROM pg_catalog.pg_attribute
                   WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO drydock.rescue_log
        VALUES (place, pg_current_xact_id(), TG_RELID, 'U', OLD.ctid, NEW.ctid, shape, OLD::text, NEW::text);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO drydock.rescue_log
        VALUES (place, pg_current_xact_id(), TG_RELID, 'I', NULL, NEW.ctid, shape, NULL, NEW::text);
    ELSE
        INSERT INTO drydock.rescue_log
        VALUES (place, pg_current_xact_id(), TG_RELID, 'D', OLD.ctid, NULL, shape, OLD::text, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION drydock.rescue_capture_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO drydock.rescue_log (place, xid, relation, what)
    VALUES (nextval('drydock.rescue_log_place'), pg_current_xact_id(), TG_RELID, 'T');
    RETURN NULL;
END $$;

-- A sequence is seen by every session at once, whatever its snapshot, and costs the triggers nothing.
CREATE FUNCTION drydock.rescue_give_up() RETURNS void
LANGUAGE sql SET search_path = pg_catalog
AS $$ SELECT setval('drydock.rescue_log_place', 4611686018427387904) $$;

-- Gives up where the log is as large as it may be, and in a database that was restored from a backup of the
-- armed one: nobody would read it there. What an old snapshot does not see yet is no reason.
CREATE FUNCTION drydock.rescue_look() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (SELECT FROM drydock.rescue_runs r
                WHERE r.state IN ('arming', 'armed')
                  AND (pg_total_relation_size('drydock.rescue_log') > r.log_limit
                       OR r.slot <> 'drydock_rescue_' || (SELECT oid FROM pg_database WHERE datname = current_database())))
    THEN
        PERFORM drydock.rescue_give_up();
    END IF;
END $$;

-- The tables whose changes belong into the log, and whether they come there. A partition is watched by its
-- table; TRUNCATE asks for a trigger of each.
CREATE VIEW drydock.rescue_watched AS
    SELECT t.oid AS relation, format('%I.%I', n.nspname, t.relname) AS name, t.relkind AS kind, t.relispartition AS is_partition,
           EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = t.oid AND g.tgenabled = 'A'
                      AND g.tgfoid = 'drydock.rescue_capture()'::regprocedure) AS rows_watched,
           t.relkind = 'p'
             OR EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = t.oid AND g.tgenabled = 'A'
                           AND g.tgfoid = 'drydock.rescue_capture_truncate()'::regprocedure) AS truncate_watched
      FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
     WHERE t.relkind IN ('r', 'p') AND t.relpersistence = 'p' AND n.nspname NOT IN ('drydock', 'information_schema')
       AND n.nspname !~ '^pg_'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e');

-- Watches a table. The triggers of a row fire in the order of their names: this one comes right behind those of
-- the foreign keys (RI_ConstraintTrigger_a_… and _c_…), so that its place in the log is behind whatever they have
-- waited for, and before the application's own, so that what these write stands behind the row they fired for.
-- ALWAYS: also where a session has session_replication_role = replica. A partitioned table hands its trigger to
-- every partition, also to later ones; a table that is attached may have one of its own, under another name.
CREATE FUNCTION drydock.rescue_watch(watched oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    t drydock.rescue_watched;
    own name;
BEGIN
    SELECT * INTO STRICT t FROM drydock.rescue_watched w WHERE w.relation = watched;
    own := CASE t.kind WHEN 'p' THEN 'RI_ConstraintTrigger_drydock_p' ELSE 'RI_ConstraintTrigger_drydock' END;
    IF NOT t.rows_watched THEN
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = watched AND tgname = own) THEN
            EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s
                            FOR EACH ROW EXECUTE FUNCTION drydock.rescue_capture()', own, t.name);
        END IF;
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.name, own);
    END IF;
    IF NOT t.truncate_watched THEN
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = watched AND tgname = 'drydock_rescue_truncate') THEN
            EXECUTE format('CREATE TRIGGER drydock_rescue_truncate AFTER TRUNCATE ON %s
                            FOR EACH STATEMENT EXECUTE FUNCTION drydock.rescue_capture_truncate()', t.name);
        END IF;
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER drydock_rescue_truncate', t.name);
    END IF;
END $$;

-- Whole old rows come from the triggers of every table, and from the stream where the table says so.
CREATE OR REPLACE FUNCTION drydock.rescue_image() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'oid', t.oid::bigint, 'schema', n.nspname, 'name', t.relname,
               'whole', t.relreplident = 'f'
                        OR EXISTS (SELECT FROM drydock.rescue_runs r
                                    WHERE r.state IN ('arming', 'armed') AND r.capture = 'triggers'),
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

-- Called when Drydock writes down what it has done, which is the last thing in its transactions: in the log, a
-- transaction with such a row is Drydock's own.
CREATE OR REPLACE FUNCTION drydock.rescue_mark() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    run drydock.rescue_runs;
    known jsonb;
    image jsonb := drydock.rescue_image();
    is_new boolean;
BEGIN
    SELECT * INTO run FROM drydock.rescue_runs r WHERE r.state IN ('arming', 'armed');
    known := coalesce((SELECT m.image FROM drydock.rescue_marks m ORDER BY m.id DESC LIMIT 1), run.image);
    is_new := image IS DISTINCT FROM known;
    IF is_new THEN
        INSERT INTO drydock.rescue_marks (image) VALUES (image);
    END IF;
    IF run.capture = 'triggers' THEN
        -- A copy, such as that of a rehearsal, has the row of the database that it is one of.
        IF run.slot <> 'drydock_rescue_' || (SELECT oid FROM pg_database WHERE datname = current_database()) THEN
            RETURN NULL;
        END IF;
        PERFORM drydock.rescue_watch_again();
        INSERT INTO drydock.rescue_log (place, xid, relation, what, new)
        VALUES (nextval('drydock.rescue_log_place'), pg_current_xact_id(), 0, 'M', CASE WHEN is_new THEN image::text END);
    ELSIF is_new THEN
        PERFORM drydock.rescue_publish_new();
    END IF;
    RETURN NULL;
END $$;

-- Publishes the tables that a migration has made: what is written to them is told, and salvaged. Without a key, an
-- UPDATE of a published table would fail, so that its whole old rows tell which one is meant.
CREATE FUNCTION drydock.rescue_publish_new() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT w.relation, w.name, w.kind,
               EXISTS (SELECT FROM pg_index i WHERE i.indrelid = w.relation AND i.indisprimary AND i.indimmediate) AS has_key
          FROM drydock.rescue_watched w JOIN pg_publication p ON p.pubname = 'drydock_rescue'
         WHERE NOT w.is_partition AND drydock.rescue_has_locked(w.relation)
           AND NOT EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = w.relation)
    LOOP
        -- Its partitions would need whole old rows too, and those to come.
        CONTINUE WHEN found.kind = 'p' AND NOT found.has_key;
        BEGIN
            IF NOT found.has_key THEN
                UPDATE drydock.rescue_runs SET identities = identities || jsonb_build_array(jsonb_build_object(
                    'relation', found.relation::int8, 'table', found.name, 'identity', 'DEFAULT'))
                 WHERE state IN ('arming', 'armed');
                EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', found.name);
            END IF;
            EXECUTE format('ALTER PUBLICATION drydock_rescue ADD TABLE %s', found.name);
        EXCEPTION WHEN insufficient_privilege OR object_in_use THEN
            -- What is written to it stays in the database that the rescue replaces.
            NULL;
        END;
    END LOOP;
END $$;

-- A table that is locked already can be changed without waiting for anybody.
CREATE FUNCTION drydock.rescue_has_locked(locked oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT EXISTS (SELECT FROM pg_locks l
                    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation = locked
                      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                      AND l.mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock'))
$$;

-- Watches what a migration has made, and what it has stopped from being watched (DISABLE TRIGGER, DETACH
-- PARTITION).
CREATE FUNCTION drydock.rescue_watch_again() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found oid;
BEGIN
    FOR found IN
        SELECT w.relation FROM drydock.rescue_watched w
         WHERE NOT (w.rows_watched AND w.truncate_watched)
           AND drydock.rescue_has_locked(w.relation)
         -- A table before its partitions.
         ORDER BY w.is_partition
    LOOP
        BEGIN
            PERFORM drydock.rescue_watch(found);
        EXCEPTION WHEN insufficient_privilege OR object_in_use THEN
            -- It stays unwatched, which a look at the armed database tells.
            NULL;
        END;
    END LOOP;
END $$;
