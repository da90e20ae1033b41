import { changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';

/** Sequences that are no part of an identity column. */
interface Sequence extends NamedRow {
  readonly settings: string;
  /** `public.users.id`, or NONE. */
  readonly ownedBy: string;
  readonly column: string | null;
  readonly table: string | null;
}

export const sequences: ObjectKind<Sequence> = {
  kind: 'sequence',
  query: `SELECT c.oid::text AS id, format('%I.%I', n.nspname, c.relname) AS name, NULL AS parent,
                 ${namedColumns('c.relname', 'c.relowner')},
                 format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s', format_type(s.seqtypid, NULL),
                        s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache,
                        CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS settings,
                 COALESCE(d.refobjid::regclass || '.' || quote_ident(a.attname), 'NONE') AS "ownedBy",
                 d.refobjid::regclass::text AS "table", quote_ident(a.attname) AS "column"
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
            LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
           WHERE c.relpersistence <> 't' AND d.deptype IS DISTINCT FROM 'i' AND ${ownObjects('pg_class', 'c.oid')}`,
  create: (row) => changes(`CREATE SEQUENCE ${row.name} ${row.settings}`, givenTo('SEQUENCE', row)),
  // It may have gone with its column.
  drop: ({ name }) => changes(`DROP SEQUENCE IF EXISTS ${name}`),
  rename: (now, was) => renamed('SEQUENCE', now, was),
  alter: (now, was) => [
    ...changes(
      now.settings !== was.settings && `ALTER SEQUENCE ${was.name} ${was.settings}`,
      now.ownedBy !== was.ownedBy && `ALTER SEQUENCE ${was.name} OWNED BY ${was.ownedBy}`,
      now.ownedBy !== was.ownedBy && now.id !== was.id && afterTheLast(was),
    ),
    ...ownedAgain('SEQUENCE', now, was),
  ],
};

// The position is taken from the rows: what it was on the copy says nothing of the day of the way back.
function afterTheLast({ name, table, column }: Sequence): string | false {
  if (table === null || column === null) return false;
  return `SELECT pg_catalog.setval('${name.replaceAll("'", "''")}', max(${column})) FROM ${table} HAVING max(${column}) IS NOT NULL`;
}
