import { type Catalog, changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';
import { type Column, columnDefinition, optionChange } from './columns.ts';
import type { Constraint } from './constraints.ts';

interface Table extends NamedRow {
  readonly unlogged: boolean;
  readonly partitionKey: string | null;
  readonly parents: readonly string[];
  /** `FOR VALUES …` of a partition. */
  readonly bound: string | null;
  readonly options: readonly string[];
  readonly rowSecurity: boolean;
  readonly forcedRowSecurity: boolean;
  readonly replicaIdentity: string;
}

export const tables: ObjectKind<Table> = {
  kind: 'table',
  query: `SELECT c.oid::text AS id, format('%I.%I', n.nspname, c.relname) AS name, NULL AS parent,
                 ${namedColumns('c.relname', 'c.relowner')}, c.relpersistence = 'u' AS unlogged,
                 pg_get_partkeydef(c.oid) AS "partitionKey", pg_get_expr(c.relpartbound, c.oid) AS bound,
                 ARRAY(SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid ORDER BY inhseqno) AS parents,
                 COALESCE(c.reloptions, '{}')
                   || ARRAY(SELECT 'toast.' || o FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid) AS options,
                 c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "forcedRowSecurity",
                 CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
                   WHEN 'i' THEN (SELECT 'USING INDEX ' || quote_ident(x.relname) FROM pg_index i
                                    JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident)
                   ELSE 'DEFAULT' END AS "replicaIdentity"
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${ownObjects('pg_class', 'c.oid')}
           ORDER BY c.oid`,
  create: (row, catalog) => changes(definition(row, catalog), givenTo('TABLE', row)),
  drop: ({ name }) => changes(`DROP TABLE ${name}`),
  rename: (now, was) => renamed('TABLE', now, was),
  alter: (now, was) => {
    const table = `ALTER TABLE ${was.name}`;
    const security = (on: boolean): string => (on ? '' : 'NO ');
    return [
      ...changes(
        now.unlogged !== was.unlogged && `${table} SET ${was.unlogged ? 'UNLOGGED' : 'LOGGED'}`,
        ...optionChange(table, now.options, was.options),
        now.rowSecurity !== was.rowSecurity &&
          `${table} ${was.rowSecurity ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`,
        now.forcedRowSecurity !== was.forcedRowSecurity &&
          `${table} ${security(was.forcedRowSecurity)}FORCE ROW LEVEL SECURITY`,
        now.replicaIdentity !== was.replicaIdentity &&
          `${table} REPLICA IDENTITY ${was.replicaIdentity}`,
        ...placeChange(now, was),
      ),
      ...ownedAgain('TABLE', now, was),
    ];
  },
};

// CHECK constraints are part of it: a partition without those of its parent cannot be attached.
function definition(row: Table, catalog: Catalog): string {
  const columns = (catalog.get('column') ?? []) as readonly Column[];
  const constraints = (catalog.get('constraint') ?? []) as readonly Constraint[];
  const parts = [
    ...columns
      .filter(({ parent }) => parent === row.id)
      .map((column) => `${columnDefinition(column)}${column.notNull ? ' NOT NULL' : ''}`),
    ...constraints
      .filter(({ parent, type }) => parent === row.id && type === 'c')
      .map(({ plain, definition: text }) => `CONSTRAINT ${plain} ${text}`),
  ];
  return [
    `CREATE ${row.unlogged ? 'UNLOGGED ' : ''}TABLE ${row.name} (\n  ${parts.join(',\n  ')}\n)`,
    ...(row.partitionKey === null ? [] : [`PARTITION BY ${row.partitionKey}`]),
    ...(row.options.length === 0 ? [] : [`WITH (${row.options.join(', ')})`]),
  ].join(' ');
}

// Its place below partitioned and inherited tables.
function placeChange(now: Table, was: Table): (string | false)[] {
  const same = now.bound === was.bound && now.parents.join() === was.parents.join();
  if (same) return [];
  const left = now.bound === null ? now.parents.filter((each) => !was.parents.includes(each)) : [];
  const joined =
    was.bound === null ? was.parents.filter((each) => !now.parents.includes(each)) : [];
  return [
    now.bound !== null && `ALTER TABLE ${now.parents[0]} DETACH PARTITION ${was.name}`,
    ...left.map((parent) => `ALTER TABLE ${was.name} NO INHERIT ${parent}`),
    ...joined.map((parent) => `ALTER TABLE ${was.name} INHERIT ${parent}`),
    was.bound !== null && `ALTER TABLE ${was.parents[0]} ATTACH PARTITION ${was.name} ${was.bound}`,
  ];
}
