// ALTER COLUMN … TYPE that may lose something: the values before it are put beside, and compared with
// those after it. What the way back's own cast would bring back needs no note.

import { quoteLiteral } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';
import type { Node } from '../../postgres/parser.ts';
import { type AlterPart, alterParts, nameOf } from './alter-parts.ts';
import { followKeys } from './follow-keys.ts';
import { byPlace, noteRows } from './note-rows.ts';
import {
  type NumberedColumn,
  type NumberedTable,
  plainTexts,
  readTables,
  rowAsTexts,
} from './tables.ts';

type AlterTable = Extract<Node, { AlterTableStmt: unknown }>['AlterTableStmt'];

/** What is run before and after the ALTER TABLE; nothing where no value can change. */
export async function rememberTypes(
  database: Database,
  run: string,
  { sql, statement }: { readonly sql: string; readonly statement: AlterTable },
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  const nothing = { before: [], after: [] };
  const parts = alterParts(sql, statement) ?? [];
  const changes = parts.filter(({ command }) => command.subtype === 'AT_AlterColumnType');
  const table = await tableBefore(database, run, nameOf(statement.relation));
  if (table === undefined || table.key.length === 0) return nothing;
  const changed = changes.flatMap((part) => {
    const column = table.columns.find(({ name }) => name === quoted(part.command.name ?? ''));
    return column === undefined || isWidening(column.type, part) ? [] : [column];
  });
  if (changed.length === 0) return nothing;
  const isNoted = (column: NumberedColumn): boolean =>
    table.key.includes(column.number) || changed.includes(column);
  const shown = { columns: table.columns.filter(isNoted) };
  const names = shown.columns.map(({ name }) => name).join(', ');
  const before = [
    // The lock that ALTER TYPE takes, but before the copy: what others commit between the two would look
    // like the migration's doing, and be taken back with it.
    `LOCK TABLE ${table.name} IN ACCESS EXCLUSIVE MODE`,
    `CREATE TEMP TABLE drydock_before ON COMMIT DROP AS SELECT ${names} FROM ${table.name}`,
  ];
  return { before, after: [comparison(run, table, { changed, shown })] };
}

// As a function, so that its settings end with it. A value that the old type does not take is a change.
function comparison(
  run: string,
  table: NumberedTable,
  {
    changed,
    shown,
  }: {
    readonly changed: readonly NumberedColumn[];
    readonly shown: Pick<NumberedTable, 'columns'>;
  },
): string {
  const name = `drydock.undo_types_${run}_${table.relation}`;
  const keys = table.columns.filter(({ number }) => table.key.includes(number));
  const joined = keys.map(({ name: key, equals }) => `t.${key} ${equals} b.${key}`).join(' AND ');
  const key = rowAsTexts({ columns: keys }, 'b');
  const differs = changed.map(
    (column) => `t.${column.name}::${column.type}::text IS DISTINCT FROM b.${column.name}::text`,
  );
  const isNoted = `EXISTS (SELECT FROM drydock.undo_rows r WHERE r.key IS NOT NULL
             AND drydock.undo_place(r.run, r.relation, r.key, r.what = 'deleted') = drydock.undo_place(${run}, ${table.relation}, ${key}, false))`;
  const note = (where: string): string =>
    `${noteRows(
      { run, table },
      `SELECT row_number() OVER () AS turn, ${rowAsTexts(shown, 'b')} AS row_was, ${rowAsTexts(shown, 't')} AS row_became
       FROM drydock_before b JOIN ${table.name} t ON ${joined}${where}`,
    )};`;
  const retyped = changed.map(
    ({ number, type }) =>
      `(${table.relation}, ${number}, ${quoteLiteral(type)}, (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = ${table.relation} AND attnum = ${number}))`,
  );
  return `CREATE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql
SET ${[...plainTexts, byPlace].join(' SET ')} SET search_path = pg_catalog, pg_temp AS $drydock$
BEGIN
  BEGIN
    ${note(` WHERE ${[...differs, isNoted].join(' OR ')}`)}
  EXCEPTION WHEN data_exception OR cannot_coerce OR undefined_function THEN
    ${note('')}
  END;
  UPDATE drydock.undo_runs SET retyped = retyped || (
    SELECT jsonb_agg(jsonb_build_object('relation', r, 'column', c, 'from', f, 'to', t))
      FROM (VALUES ${retyped.join(', ')}) AS v (r, c, f, t)) WHERE id = ${run};${followKeys(run, table)}
END $drydock$;
SELECT ${name}();
DROP FUNCTION ${name}();
DROP TABLE drydock_before`;
}

async function tableBefore(
  database: Database,
  run: string,
  name: string,
): Promise<NumberedTable | undefined> {
  const [found] = await database.query<{ relation: number }>(
    `SELECT to_regclass($1)::oid::int8::float8 AS relation
      WHERE to_regclass($1) = ANY (SELECT unnest(relations_before) FROM drydock.undo_runs WHERE id = $2)`,
    [name, run],
  );
  return found === undefined ? undefined : (await readTables(database, [found.relation]))[0];
}

const wider: Readonly<Record<string, readonly string[]>> = {
  smallint: ['int4', 'int8', 'numeric'],
  integer: ['int8', 'numeric'],
  bigint: ['numeric'],
  real: ['float8'],
  'character varying': ['text', 'varchar'],
};

/** True for a type that holds every value of the old one as it is, and gives it back by a cast. */
function isWidening(from: string, { command, text }: AlterPart): boolean {
  const definition = command.def;
  if (definition === undefined || !('ColumnDef' in definition)) return false;
  if (/\busing\b/i.test(text)) return false;
  const { names = [], typmods = [] } = definition.ColumnDef.typeName ?? {};
  const last = names.at(-1);
  const to = last !== undefined && 'String' in last ? (last.String.sval ?? '') : '';
  return typmods.length === 0 && (wider[from.replace(/\(.*\)/, '')] ?? []).includes(to);
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
