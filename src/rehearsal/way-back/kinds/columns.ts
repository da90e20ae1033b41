import { type Attempts, type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

/** A column of a table. */
export interface Column extends CatalogRow {
  readonly table: string;
  /** Its name, quoted. */
  readonly plain: string;
  readonly type: string;
  /** The type without what is in its parentheses. */
  readonly typeName: string;
  /** ` COLLATE …` where it is not the type's own. */
  readonly collation: string;
  readonly notNull: boolean;
  readonly defaultValue: string | null;
  /** `ALWAYS` or `BY DEFAULT`; null for a column that is no identity. */
  readonly identity: string | null;
  readonly identitySettings: string | null;
  /** ` STORED` or ` VIRTUAL`; null for a column that is not computed. */
  readonly generated: string | null;
  readonly storage: string;
  readonly compression: string;
  readonly statistics: number;
  readonly options: readonly string[];
  /** SQL that takes away what reads it: views, triggers, and columns that are computed from it. */
  readonly readers: readonly string[];
}

export const columns: ObjectKind<Column> = {
  kind: 'column',
  query: `SELECT a.attrelid || '.' || a.attnum AS id, a.attrelid::text AS parent,
                 format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name,
                 format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(a.attname) AS plain,
                 format_type(a.atttypid, a.atttypmod) AS type, format_type(a.atttypid, NULL) AS "typeName",
                 CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END AS collation,
                 a.attnotnull AS "notNull", pg_get_expr(d.adbin, d.adrelid) AS "defaultValue",
                 CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END AS identity,
                 (SELECT format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s',
                           s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)
                    FROM pg_depend i JOIN pg_sequence s ON s.seqrelid = i.objid
                   WHERE i.refclassid = 'pg_class'::regclass AND i.refobjid = a.attrelid AND i.refobjsubid = a.attnum
                     AND i.deptype = 'i' AND a.attidentity <> '') AS "identitySettings",
                 CASE a.attgenerated WHEN 's' THEN ' STORED' WHEN 'v' THEN ' VIRTUAL' END AS generated,
                 CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END AS storage,
                 CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'DEFAULT' END AS compression,
                 COALESCE(a.attstattarget, -1) AS statistics, ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE NOT starts_with(o, 'pg_')) AS options,
                 ARRAY(SELECT DISTINCT format('DROP %s %s CASCADE', CASE v.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, v.oid::regclass)
                         FROM pg_depend r JOIN pg_rewrite w ON w.oid = r.objid JOIN pg_class v ON v.oid = w.ev_class
                        WHERE r.classid = 'pg_rewrite'::regclass AND r.refclassid = 'pg_class'::regclass
                          AND r.refobjid = a.attrelid AND r.refobjsubid = a.attnum AND v.relkind IN ('v', 'm'))
                   || ARRAY(SELECT format('DROP TRIGGER %I ON %s', g.tgname, g.tgrelid::regclass)
                         FROM pg_depend r JOIN pg_trigger g ON g.oid = r.objid
                        WHERE r.classid = 'pg_trigger'::regclass AND r.refclassid = 'pg_class'::regclass
                          AND r.refobjid = a.attrelid AND r.refobjsubid = a.attnum AND NOT g.tgisinternal AND g.tgparentid = 0)
                   || ARRAY(SELECT format('ALTER TABLE %s DROP COLUMN %I', g.attrelid::regclass, g.attname)
                         FROM pg_attribute g JOIN pg_attrdef e ON e.adrelid = g.attrelid AND e.adnum = g.attnum
                         JOIN pg_depend r ON (r.classid = 'pg_attrdef'::regclass AND r.objid = e.oid)
                           -- Version 14 says it of the column, and not of what computes it.
                           OR (r.classid = 'pg_class'::regclass AND r.objid = g.attrelid AND r.objsubid = g.attnum)
                        WHERE g.attrelid = a.attrelid AND g.attgenerated <> '' AND g.attnum <> a.attnum
                          AND r.refclassid = 'pg_class'::regclass AND r.refobjid = a.attrelid AND r.refobjsubid = a.attnum) AS readers
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_type t ON t.oid = a.atttypid
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
             AND ${ownObjects('pg_class', 'c.oid')}
           ORDER BY a.attrelid, a.attnum`,
  create: (row) =>
    changes(
      `ALTER TABLE ${row.table} ADD COLUMN ${columnDefinition(row)}`,
      // By itself: rows that are there already have no value for it.
      row.notNull &&
        row.identity === null &&
        `ALTER TABLE ${row.table} ALTER ${row.plain} SET NOT NULL`,
    ),
  drop: ({ table, plain }) => changes(`ALTER TABLE ${table} DROP COLUMN ${plain}`),
  rename: (now, was) =>
    changes(`ALTER TABLE ${now.table} RENAME COLUMN ${now.plain} TO ${was.plain}`),
  alter: (now, was) => {
    const column = `ALTER TABLE ${was.table} ALTER ${was.plain}`;
    if (
      now.generated !== was.generated ||
      (was.generated && now.defaultValue !== was.defaultValue)
    ) {
      return anew(was);
    }
    const retyped = now.type !== was.type || now.collation !== was.collation;
    return [
      ...(retyped ? [typeChange(now, was)] : []),
      ...identityChange(now, was),
      ...changes(
        now.notNull !== was.notNull && `${column} ${was.notNull ? 'SET' : 'DROP'} NOT NULL`,
        !retyped &&
          now.defaultValue !== was.defaultValue &&
          `${column} ${was.defaultValue === null ? 'DROP DEFAULT' : `SET DEFAULT ${was.defaultValue}`}`,
        now.storage !== was.storage && `${column} SET STORAGE ${was.storage}`,
        now.compression !== was.compression && `${column} SET COMPRESSION ${was.compression}`,
        now.statistics !== was.statistics && `${column} SET STATISTICS ${was.statistics}`,
        ...optionChange(column, now.options, was.options),
      ),
    ];
  },
};

/** The column as CREATE TABLE and ADD COLUMN take it, without NOT NULL. */
export function columnDefinition(row: Column): string {
  const { plain, type, collation, defaultValue, identity, identitySettings, generated } = row;
  const value =
    generated !== null
      ? ` GENERATED ALWAYS AS (${defaultValue})${generated}`
      : identity !== null
        ? ` GENERATED ${identity} AS IDENTITY (${identitySettings})`
        : defaultValue === null
          ? ''
          : ` DEFAULT ${defaultValue}`;
  return `${plain} ${type}${collation}${value}`;
}

// What computes a column cannot be given to one that is there (manual, ALTER TABLE, SET EXPRESSION: 17).
function anew(was: Column): readonly Attempts[] {
  const table = `ALTER TABLE ${was.table}`;
  return [
    [`${table} DROP COLUMN ${was.plain}; ${table} ADD COLUMN ${columnDefinition(was)}`],
    ...changes(was.notNull && `${table} ALTER ${was.plain} SET NOT NULL`),
  ];
}

// The default may not fit the type of the moment. What reads the column is made again later.
function typeChange(now: Column, was: Column): Attempts {
  const column = `ALTER ${was.plain}`;
  const parts = [
    ...(now.defaultValue === null ? [] : [`${column} DROP DEFAULT`]),
    `${column} TYPE ${was.type}${was.collation} USING ${was.plain}::${was.type}`,
    ...(was.defaultValue === null ? [] : [`${column} SET DEFAULT ${was.defaultValue}`]),
  ];
  const sql = `ALTER TABLE ${was.table} ${parts.join(', ')}`;
  return now.readers.length === 0 ? [sql] : [sql, [...now.readers, sql].join(';\n')];
}

function identityChange(now: Column, was: Column): readonly Attempts[] {
  if (now.identity === was.identity && now.identitySettings === was.identitySettings) return [];
  const column = `ALTER TABLE ${was.table} ALTER ${was.plain}`;
  if (was.identity === null) return changes(`${column} DROP IDENTITY`);
  if (now.identity !== null) {
    const settings = (was.identitySettings ?? '').replace(
      /(NO CYCLE|CYCLE|[A-Z]+(?: WITH| BY)? -?\d+)/g,
      'SET $1',
    );
    return changes(`${column} SET GENERATED ${was.identity} ${settings}`);
  }
  // The position is taken from the rows: see sequences.ts.
  const position = `SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('${was.table.replaceAll("'", "''")}', '${was.plain.replaceAll(/^"|"$/g, '').replaceAll("'", "''")}'), max(${was.plain})) FROM ${was.table} HAVING max(${was.plain}) IS NOT NULL`;
  return changes(
    `${now.defaultValue === null ? '' : `${column} DROP DEFAULT; `}${column} ADD GENERATED ${was.identity} AS IDENTITY (${was.identitySettings}); ${position}`,
  );
}

/** Options as `name=value`: takes away and sets what differs. */
export function optionChange(
  head: string,
  now: readonly string[],
  was: readonly string[],
): (string | false)[] {
  const gone = now.filter((option) => !was.includes(option)).map((option) => option.split('=')[0]);
  const missing = was.filter((option) => !now.includes(option));
  const names = gone.filter((name) => !missing.some((option) => option.startsWith(`${name}=`)));
  return [
    names.length > 0 && `${head} RESET (${names.join(', ')})`,
    missing.length > 0 && `${head} SET (${missing.join(', ')})`,
  ];
}
