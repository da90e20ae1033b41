-- Every fact of a schema as one row: the object it belongs to, the name of the fact, its definition.
-- By name only: object ids, attribute numbers and anything else that a dump and restore renumbers
-- stay out, a column's place is its rank among the columns that are left, and what PostgreSQL adds
-- by default (privileges, storage) is spelled out, so that NULL and the same thing said aloud agree.
-- Runs with an empty search_path: the server's own functions print qualified names then.
WITH
  member AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
  ),
  space AS MATERIALIZED (
    SELECT oid, nspname, nspowner, nspacl
      FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'drydock')
       AND (oid <> ALL (SELECT objid FROM member WHERE classid = 'pg_namespace'::regclass))
  ),
  relation AS MATERIALIZED (
    SELECT c.*, format('%I.%I', s.nspname, c.relname) AS name,
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
                          WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                          WHEN 'f' THEN 'foreign table' ELSE 'type' END
             || ' ' || format('%I.%I', s.nspname, c.relname) AS object
      FROM pg_class c JOIN space s ON s.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND c.relpersistence <> 't'
       AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_class'::regclass AND objid = c.oid)
  ),
  routine AS MATERIALIZED (
    SELECT p.*,
           CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END
             || ' ' || format('%I.%I(%s)', s.nspname, p.proname,
                              pg_get_function_identity_arguments(p.oid)) AS object
      FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
  ),
  kind AS MATERIALIZED (
    SELECT t.*, format('%I.%I', s.nspname, t.typname) AS name,
           CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END
             || ' ' || format('%I.%I', s.nspname, t.typname) AS object
      FROM pg_type t JOIN space s ON s.oid = t.typnamespace
     WHERE t.typtype IN ('b', 'd', 'e', 'r')
       -- Not the array type that comes with every type.
       AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
       AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_type'::regclass AND objid = t.oid)
  ),
  -- Whatever has an owner and privileges, with the privileges that PostgreSQL assumes when none
  -- were ever granted (manual, 5.7).
  owned (object, fact, owner, acl) AS (
    SELECT 'schema ' || quote_ident(nspname), 'schema ' || quote_ident(nspname), nspowner,
           COALESCE(nspacl, acldefault('n', nspowner))
      FROM space
    UNION ALL
    SELECT object, object, relowner,
           COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
      FROM relation WHERE relkind <> 'c'
    UNION ALL
    SELECT object, object, proowner, COALESCE(proacl, acldefault('f', proowner)) FROM routine
    UNION ALL
    SELECT object, object, typowner, COALESCE(typacl, acldefault('T', typowner)) FROM kind
    UNION ALL
    SELECT r.object, format('column %s.%I', r.name, a.attname), NULL, a.attacl
      FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
     WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'server ' || quote_ident(srvname), 'server ' || quote_ident(srvname), srvowner,
           COALESCE(srvacl, acldefault('S', srvowner))
      FROM pg_foreign_server
    UNION ALL
    SELECT 'default privileges of ' || quote_ident(o.rolname),
           format('new %s%s by %I', CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
                                  WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
                                  WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END,
             ' in ' || quote_ident(s.nspname), o.rolname), NULL, d.defaclacl
      FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole
      LEFT JOIN space s ON s.oid = d.defaclnamespace
     WHERE d.defaclnamespace = 0 OR s.oid IS NOT NULL
  ),
  -- Comments and security labels are kept beside the objects, in tables of one shape.
  remark (word, classid, objid, objsubid, text) AS (
    SELECT 'comment', classoid, objoid, objsubid, description FROM pg_description
     WHERE objoid >= 16384 OR (classoid = 'pg_namespace'::regclass AND objoid = 'public'::regnamespace)
    UNION ALL
    SELECT 'security label of ' || provider, classoid, objoid, objsubid, label FROM pg_seclabel
  ),
  fact (object, fact, definition) AS (
    SELECT 'schema ' || quote_ident(nspname), 'schema ' || quote_ident(nspname), '' FROM space
    UNION ALL
    SELECT r.object, r.object,
           concat_ws(' ',
             CASE WHEN r.relpersistence = 'u' THEN 'unlogged' END,
             m.amname,
             'partitioned by ' || pg_get_partkeydef(r.oid),
             (SELECT 'child of ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
                FROM pg_inherits i WHERE i.inhrelid = r.oid),
             pg_get_expr(r.relpartbound, r.oid),
             'of ' || NULLIF(r.reloftype, 0)::regtype::text,
             CASE WHEN r.relrowsecurity THEN 'row security' END,
             CASE WHEN r.relforcerowsecurity THEN 'forced' END,
             CASE WHEN r.relkind IN ('r', 'p') AND r.relreplident <> 'd'
                  THEN 'replica identity ' || r.relreplident::text END,
             (SELECT 'with ' || string_agg(o, ', ' ORDER BY o) FROM unnest(r.reloptions) o),
             (SELECT 'toast with ' || string_agg(o, ', ' ORDER BY o)
                FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = r.reltoastrelid),
             (SELECT format('server %I options %s', v.srvname,
                            (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(f.ftoptions) o))
                FROM pg_foreign_table f JOIN pg_foreign_server v ON v.oid = f.ftserver
               WHERE f.ftrelid = r.oid),
             CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END)
      FROM relation r LEFT JOIN pg_am m ON m.oid = r.relam
    UNION ALL
    SELECT r.object, format('column %s.%I', r.name, a.attname),
           concat_ws(' ',
             -- A dump writes inherited columns before a table's own, whenever they were added.
             CASE WHEN r.relispartition OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = r.oid)
                  THEN '#' || row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) END,
             format_type(a.atttypid, a.atttypmod),
             CASE WHEN a.attcollation <> t.typcollation
                  THEN 'collate ' || a.attcollation::regcollation::text END,
             CASE WHEN a.attnotnull THEN 'not null' END,
             'identity ' || NULLIF(a.attidentity::text, ''),
             'generated ' || NULLIF(a.attgenerated::text, ''),
             'default ' || pg_get_expr(d.adbin, d.adrelid),
             CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
             'compression ' || NULLIF(a.attcompression::text, ''),
             'statistics ' || NULLIF(a.attstattarget, -1),
             -- Not what the server keeps there for itself: 15.20 gives every column a pg_attver of its own, and
             -- another one where it is restored (measured; no dump has it).
             (SELECT 'with ' || string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o
               WHERE NOT starts_with(o, 'pg_')),
             (SELECT 'options ' || string_agg(o, ', ' ORDER BY o) FROM unnest(a.attfdwoptions) o))
      FROM relation r
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE r.relkind <> 'S'
    UNION ALL
    -- Not-null constraints (rows of their own from version 18 on) are facts of their columns, but for what a
    -- column does not tell; constraint triggers are triggers. connoinherit of a CHECK is printed.
    SELECT r.object, format('constraint %I on %s', c.conname, r.name), pg_get_constraintdef(c.oid)
      FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
      LEFT JOIN pg_constraint p ON p.oid = c.conparentid
     WHERE (c.contype NOT IN ('n', 't') OR (c.contype = 'n' AND (c.connoinherit OR NOT c.convalidated)))
       -- A foreign key to a partitioned table has one such helper for each partition, named anew
       -- by every restore.
       AND p.conrelid IS DISTINCT FROM c.conrelid
    UNION ALL
    SELECT k.object, format('constraint %I on %s', c.conname, k.name), pg_get_constraintdef(c.oid)
      FROM kind k JOIN pg_constraint c ON c.contypid = k.oid WHERE c.contype <> 'n'
    UNION ALL
    SELECT r.object, format('index %I on %s', x.relname, r.name),
           concat_ws(' ', pg_get_indexdef(i.indexrelid),
             CASE WHEN NOT i.indisvalid THEN 'invalid' END,
             CASE WHEN i.indisreplident THEN 'replica identity' END,
             CASE WHEN i.indisclustered THEN 'clustered' END)
      FROM relation r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class x ON x.oid = i.indexrelid
    UNION ALL
    SELECT r.object, r.object || ' settings',
           concat_ws(' ', format_type(q.seqtypid, NULL), 'start', q.seqstart, 'by', q.seqincrement,
             'from', q.seqmin, 'to', q.seqmax, 'cache', q.seqcache,
             CASE WHEN q.seqcycle THEN 'cycle' END,
             (SELECT 'owned by ' || d.refobjid::regclass::text || '.' || quote_ident(a.attname)
                FROM pg_depend d
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
               WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
                 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
      FROM relation r JOIN pg_sequence q ON q.seqrelid = r.oid
    UNION ALL
    SELECT r.object, format('rule %I on %s', w.rulename, r.name),
           concat_ws(' ', pg_get_ruledef(w.oid), 'enabled', w.ev_enabled)
      FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
    UNION ALL
    SELECT r.object, format('trigger %I on %s', t.tgname, r.name),
           concat_ws(' ', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled)
      FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid JOIN pg_proc f ON f.oid = t.tgfoid
     -- Version 14 takes the triggers that a partition has of its table for its own doing.
     WHERE (NOT t.tgisinternal OR (t.tgparentid <> 0 AND t.tgconstraint = 0))
       -- Those by which a rescue learns of writes come and go with it, and no restore brings them back.
       AND NOT (f.pronamespace = to_regnamespace('drydock') AND f.proname ~ '^rescue_capture')
    UNION ALL
    SELECT r.object, format('policy %I on %s', p.polname, r.name),
           concat_ws(' ', p.polcmd, CASE WHEN p.polpermissive THEN 'permissive' END, 'to',
             (SELECT string_agg(COALESCE(o.rolname, 'public'), ', ' ORDER BY o.rolname)
                FROM unnest(p.polroles) role LEFT JOIN pg_roles o ON o.oid = role),
             'using ' || pg_get_expr(p.polqual, p.polrelid),
             'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
      FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT f.object, f.object,
           CASE WHEN f.prokind <> 'a' THEN pg_get_functiondef(f.oid)
                ELSE concat_ws(' ', format_type(f.prorettype, NULL), a.aggkind, a.aggnumdirectargs,
                       a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
                       a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn, a.aggsortop::regoperator,
                       format_type(a.aggtranstype, NULL), 'from ' || a.agginitval,
                       'moving from ' || a.aggminitval, f.proparallel) END
      FROM routine f LEFT JOIN pg_aggregate a ON a.aggfnoid = f.oid
    UNION ALL
    SELECT k.object, k.object,
           CASE k.typtype
             WHEN 'e' THEN (SELECT 'enum ' || string_agg(quote_literal(e.enumlabel), ', '
                                                         ORDER BY e.enumsortorder)
                              FROM pg_enum e WHERE e.enumtypid = k.oid)
             WHEN 'd' THEN concat_ws(' ', format_type(k.typbasetype, k.typtypmod),
                             CASE WHEN k.typnotnull THEN 'not null' END, 'default ' || k.typdefault,
                             CASE WHEN k.typcollation <> b.typcollation
                                  THEN 'collate ' || k.typcollation::regcollation::text END)
             WHEN 'r' THEN (SELECT concat_ws(' ', 'range of', format_type(g.rngsubtype, NULL),
                                     o.opcname, g.rngcollation::regcollation, g.rngcanonical,
                                     g.rngsubdiff, format_type(g.rngmultitypid, NULL))
                              FROM pg_range g JOIN pg_opclass o ON o.oid = g.rngsubopc
                             WHERE g.rngtypid = k.oid)
             ELSE concat_ws(' ', k.typlen, k.typbyval, k.typalign, k.typstorage, k.typinput,
                    k.typoutput, k.typreceive, k.typsend, k.typmodin, k.typmodout, k.typdelim)
           END
      FROM kind k LEFT JOIN pg_type b ON b.oid = k.typbasetype
     -- A type of which nothing but the name exists (CREATE TYPE name) prints nothing either.
    UNION ALL
    SELECT 'operator ' || o.oid::regoperator::text, 'operator ' || o.oid::regoperator::text,
           concat_ws(' ', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest,
             o.oprjoin, o.oprcanmerge, o.oprcanhash)
      FROM pg_operator o JOIN space s ON s.oid = o.oprnamespace
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_operator'::regclass AND objid = o.oid)
    UNION ALL
    SELECT name, name, definition
      FROM (
        SELECT format('operator class %I.%I for %s', s.nspname, c.opcname, m.amname) AS name,
               concat_ws(' ', format_type(c.opcintype, NULL), c.opcdefault, f.opfname,
                 format_type(NULLIF(c.opckeytype, 0), NULL),
                 (SELECT string_agg(format('%s %s', p.amopstrategy, p.amopopr::regoperator), ', '
                                    ORDER BY p.amopstrategy, p.amopopr::regoperator::text)
                    FROM pg_amop p WHERE p.amopfamily = c.opcfamily),
                 (SELECT string_agg(format('%s %s', p.amprocnum, p.amproc::regprocedure), ', '
                                    ORDER BY p.amprocnum, p.amproc::regprocedure::text)
                    FROM pg_amproc p WHERE p.amprocfamily = c.opcfamily)) AS definition
          FROM pg_opclass c JOIN space s ON s.oid = c.opcnamespace
          JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_opfamily f ON f.oid = c.opcfamily
         WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opclass'::regclass AND objid = c.oid)
        UNION ALL
        SELECT format('cast from %s to %s', format_type(c.castsource, NULL),
                      format_type(c.casttarget, NULL)),
               concat_ws(' ', c.castfunc::regprocedure, c.castcontext, c.castmethod)
          FROM pg_cast c
         WHERE c.oid >= 16384
           AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_cast'::regclass AND objid = c.oid)
        UNION ALL
        -- The names of the locale columns differ between versions, and newer ones have more of them,
        -- NULL where nobody said otherwise; the version of the locale is the machine's and no fact of
        -- the schema.
        SELECT format('collation %I.%I', s.nspname, c.collname),
               jsonb_strip_nulls(
                 to_jsonb(c) - '{oid,collname,collnamespace,collowner,collversion}'::text[])::text
          FROM pg_collation c JOIN space s ON s.oid = c.collnamespace
         WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_collation'::regclass AND objid = c.oid)
        UNION ALL
        SELECT format('text search dictionary %I.%I', s.nspname, d.dictname),
               concat_ws(' ', t.tmplname, d.dictinitoption)
          FROM pg_ts_dict d JOIN space s ON s.oid = d.dictnamespace
          JOIN pg_ts_template t ON t.oid = d.dicttemplate
         WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_dict'::regclass AND objid = d.oid)
        UNION ALL
        SELECT format('text search configuration %I.%I', s.nspname, c.cfgname),
               concat_ws(' ', p.prsname,
                 (SELECT string_agg(format('%s %s', m.maptokentype, m.mapdict::regdictionary), ', '
                                    ORDER BY m.maptokentype, m.mapseqno)
                    FROM pg_ts_config_map m WHERE m.mapcfg = c.oid))
          FROM pg_ts_config c JOIN space s ON s.oid = c.cfgnamespace
          JOIN pg_ts_parser p ON p.oid = c.cfgparser
         WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_config'::regclass AND objid = c.oid)
        UNION ALL
        SELECT format('statistics %I.%I', s.nspname, e.stxname),
               concat_ws(' ', pg_get_statisticsobjdef(e.oid),
                 'statistics ' || NULLIF(e.stxstattarget, -1))
          FROM pg_statistic_ext e JOIN space s ON s.oid = e.stxnamespace
        UNION ALL
        SELECT 'extension ' || quote_ident(e.extname),
               concat_ws(' ', e.extversion, 'in', quote_ident(n.nspname))
          FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        UNION ALL
        SELECT 'event trigger ' || quote_ident(e.evtname),
               concat_ws(' ', e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags)
          FROM pg_event_trigger e
         WHERE NOT EXISTS (SELECT FROM member
                            WHERE classid = 'pg_event_trigger'::regclass AND objid = e.oid)
        UNION ALL
        SELECT 'publication ' || quote_ident(p.pubname),
               -- Generated columns (from 18 on) are left out unless a publication says otherwise.
               concat_ws(' ', (to_jsonb(p) - '{oid,pubname,pubowner}'::text[]
                               - CASE to_jsonb(p) ->> 'pubgencols' WHEN 'n' THEN 'pubgencols' ELSE '' END)::text,
                 -- Without a list of columns the view (from 15 on) shows all there are.
                 (SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(t) - CASE WHEN l.prrelid IS NULL
                                     THEN '{pubname,attnames}'::text[] ELSE '{pubname}' END)
                                   ORDER BY t.schemaname, t.tablename)
                    FROM pg_publication_tables t
                    LEFT JOIN pg_publication_rel l
                      ON l.prpubid = p.oid AND to_jsonb(l) ->> 'prattrs' IS NOT NULL
                     AND l.prrelid = format('%I.%I', t.schemaname, t.tablename)::regclass
                   WHERE t.pubname = p.pubname AND NOT p.puballtables))
          FROM pg_publication p
        UNION ALL
        SELECT 'foreign data wrapper ' || quote_ident(w.fdwname),
               concat_ws(' ', NULLIF(w.fdwhandler, 0)::regprocedure,
                 NULLIF(w.fdwvalidator, 0)::regprocedure,
                 (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(w.fdwoptions) o))
          FROM pg_foreign_data_wrapper w
         WHERE NOT EXISTS (SELECT FROM member
                            WHERE classid = 'pg_foreign_data_wrapper'::regclass AND objid = w.oid)
        UNION ALL
        SELECT 'server ' || quote_ident(v.srvname),
               concat_ws(' ', w.fdwname, v.srvtype, v.srvversion,
                 -- In the order of their names: that is how a dump writes options.
                 (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(v.srvoptions) o))
          FROM pg_foreign_server v JOIN pg_foreign_data_wrapper w ON w.oid = v.srvfdw
        UNION ALL
        -- Its options hold passwords: that it exists is the whole fact.
        SELECT format('user mapping of %I for %I', u.srvname, u.usename), '' FROM pg_user_mappings u
        UNION ALL
        SELECT 'language ' || quote_ident(l.lanname),
               concat_ws(' ', l.lanpltrusted, l.lanplcallfoid::regprocedure,
                 NULLIF(l.laninline, 0)::regprocedure, NULLIF(l.lanvalidator, 0)::regprocedure)
          FROM pg_language l
         WHERE l.oid >= 16384
           AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_language'::regclass AND objid = l.oid)
      ) other
    UNION ALL
    SELECT o.object, 'owner of ' || o.fact, r.rolname
      FROM owned o JOIN pg_roles r ON r.oid = o.owner
    UNION ALL
    SELECT o.object, 'privileges of ' || o.fact,
           -- All that a table can have is one word: version 17 has one privilege more (MAINTAIN).
           (SELECT COALESCE(string_agg(DISTINCT p.text, ' ' ORDER BY p.text), 'none')
              FROM (SELECT concat(COALESCE(r.rolname, 'public'), '=',
                             CASE WHEN a.held = every.privilege THEN 'ALL' ELSE a.privilege_type END,
                             CASE WHEN a.is_grantable THEN '*' END) COLLATE "C" AS text
                      FROM (SELECT *, count(*) OVER (PARTITION BY grantee, grantor, is_grantable) AS held
                              FROM aclexplode(o.acl)) a
                      LEFT JOIN pg_roles r ON r.oid = a.grantee) p)
      FROM owned o,
           (SELECT count(*) AS privilege FROM aclexplode(acldefault('r', 10))) every
    UNION ALL
    SELECT i.type || ' ' || i.identity, k.word || ' on ' || i.type || ' ' || i.identity, k.text
      FROM remark k,
           LATERAL pg_identify_object(k.classid, k.objid, k.objsubid) i
     WHERE i.schema IS DISTINCT FROM 'drydock'
       AND i.identity <> 'drydock' AND i.identity !~ ' on drydock\.'
       AND NOT EXISTS (SELECT FROM member m WHERE m.classid = k.classid AND m.objid = k.objid)
  )
-- `status IN ('a', 'b')` on a varchar column is printed as a cast of the whole array by the server
-- that parsed it first, and as casts of its elements by a server that parsed that print (every
-- restore does). Both say the same: the casts go.
SELECT object, fact,
       CASE WHEN definition LIKE '%::character varying%' THEN
         regexp_replace(
           regexp_replace(definition,
             '\((''(?:[^'']|'''')*''::character varying)\)::text', '\1', 'g'),
           '\((ARRAY\[(?:[^]'']|''(?:[^'']|'''')*'')*\])\)::text\[\]', '\1', 'g')
       ELSE definition END AS definition
  FROM fact
