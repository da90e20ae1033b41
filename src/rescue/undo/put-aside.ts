// DROP COLUMN and DROP TABLE as statements that drop nothing: the column gets another name, the table
// another schema. What would get in the way of others meanwhile is dropped, and made anew by the way back:
// checks and foreign keys on what is put aside, views that read it.

import { recordKept } from '../../history/undo-runs.ts';
import { quoteIdentifier } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';
import type { Node } from '../../postgres/parser.ts';
import { type AlterPart, alterParts, alterWith, nameOf } from './alter-parts.ts';
import { followParents } from './follow-keys.ts';
import { type Goer, whatGoesWith } from './what-goes-with.ts';

/** Where things are put. */
export interface Trash {
  /** Id of the run. */
  readonly run: string;
  /** Schema for tables. */
  readonly schema: string;
}

type AlterTable = Extract<Node, { AlterTableStmt: unknown }>['AlterTableStmt'];
type DropStatement = Extract<Node, { DropStmt: unknown }>['DropStmt'];

const mostBytes = 63;

/**
 * The statements in place of an ALTER TABLE with DROP COLUMN: first the columns are put aside, then comes
 * the rest of it. Undefined where nothing of it would be lost.
 */
export async function putColumnsAside(
  database: Database,
  trash: Trash,
  { sql, statement }: { readonly sql: string; readonly statement: AlterTable },
): Promise<{ readonly instead: readonly string[]; readonly rest: string | undefined } | undefined> {
  const parts = alterParts(sql, statement);
  const dropping = (parts ?? []).filter(({ command }) => command.subtype === 'AT_DropColumn');
  if (parts === undefined || dropping.length === 0) return undefined;
  const table = await tableNamed(database, trash, nameOf(statement.relation));
  if (table === undefined) return undefined;
  const columns = await columnsNamed(database, table.relation, dropping);
  if (columns.length === 0) return undefined;

  const goers = await whatGoesWith(database, alterWith(statement, dropping));
  const instead = [
    ...(await followParents(database, trash.run, referencesOf(goers, [table.relation]))),
    ...goers.flatMap((goer) => (staysWith(goer, table.relation) ? [] : (goer.drop ?? []))),
  ];
  const isUnique = goers.some(
    ({ kind, type, relation }) => kind === 'index' && type === 'u' && relation === table.relation,
  );
  for (const column of columns) {
    const name = quoteIdentifier(column.name);
    const changes = [
      ...(column.notNull && !column.isIdentity ? [`ALTER COLUMN ${name} DROP NOT NULL`] : []),
      // The same value in every new row would soon be one too many.
      ...(column.hasDefault && isUnique ? [`ALTER COLUMN ${name} DROP DEFAULT`] : []),
    ];
    if (changes.length > 0) instead.push(`ALTER TABLE ${table.name} ${changes.join(', ')}`);
    instead.push(
      `ALTER TABLE ${table.name} RENAME COLUMN ${name} TO ${quoteIdentifier(await freeName(database, table.relation, column.name))}`,
    );
  }
  await recordKept(database, trash.run, {
    kept: columns.map(({ number, quoted }) => ({
      kind: 'column',
      name: `${table.name}.${quoted}`,
      relation: table.relation,
      column: number,
    })),
  });
  const rest = parts.filter((part) => !dropping.includes(part));
  return { instead, rest: rest.length === 0 ? undefined : alterWith(statement, rest) };
}

/** The statements in place of a DROP TABLE; undefined where nothing of it would be lost. */
export async function putTablesAside(
  database: Database,
  trash: Trash,
  { sql, statement }: { readonly sql: string; readonly statement: DropStatement },
): Promise<readonly string[] | undefined> {
  const names = (statement.objects ?? []).map((each) =>
    'List' in each
      ? (each.List.items ?? [])
          .flatMap((item) => ('String' in item ? [quoteIdentifier(item.String.sval ?? '')] : []))
          .join('.')
      : '',
  );
  const known = await Promise.all(names.map((name) => tableNamed(database, trash, name)));
  if (known.every((each) => each === undefined)) return undefined;

  const goers = await whatGoesWith(database, sql);
  const gone = new Set(goers.flatMap(({ kind, relation }) => (kind === 'table' ? [relation] : [])));
  const drops = goers.flatMap((goer) => (goesAside(goer, gone) ? [] : (goer.drop ?? [])));
  const tables = await database.query<{ relation: number; name: string; leaving: string[] }>(
    `SELECT c.oid::int8::float8 AS relation, format('%I.%I', n.nspname, c.relname) AS name,
            ARRAY(SELECT CASE WHEN c.relispartition THEN format('ALTER TABLE %s DETACH PARTITION %s', i.inhparent::regclass, c.oid::regclass)
                              ELSE format('ALTER TABLE %s NO INHERIT %s', c.oid::regclass, i.inhparent::regclass) END
                    FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT i.inhparent = ANY ($1::int8[]::oid[])) AS leaving
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::int8[]::oid[]) ORDER BY c.oid`,
    [[...gone]],
  );
  await recordKept(database, trash.run, {
    kept: tables.map(({ relation, name }) => ({ kind: 'table', name, relation, column: null })),
  });
  return [
    ...(await followParents(database, trash.run, referencesOf(goers, [...gone]))),
    ...drops,
    `CREATE SCHEMA IF NOT EXISTS ${trash.schema}`,
    ...tables.flatMap(({ name, leaving }) => [
      ...leaving,
      `ALTER TABLE ${name} SET SCHEMA ${trash.schema}`,
    ]),
  ];
}

// Its plain and unique indexes harm nobody: every new row has NULL there. Unless NULL counts as a value: the
// second new row would be refused.
function staysWith({ kind, relation, type }: Goer, table: number): boolean {
  if (relation !== table || type === 'n') return false;
  return kind === 'index' || (kind === 'constraint' && type === 'u');
}

// Foreign keys of these tables.
function referencesOf(goers: readonly Goer[], tables: readonly number[]): readonly number[] {
  return goers
    .filter(
      ({ kind, type, relation }) =>
        kind === 'constraint' && type === 'f' && tables.includes(relation),
    )
    .map(({ id }) => Number(id.slice(1)));
}

// A foreign key of a table that is put aside would still keep its parents from being deleted.
function goesAside({ kind, relation, type }: Goer, gone: ReadonlySet<number>): boolean {
  return gone.has(relation) && !(kind === 'constraint' && type === 'f');
}

/** A table that was there before the plan; what the plan made itself need not be kept. */
async function tableNamed(
  database: Database,
  { run }: Trash,
  name: string,
): Promise<{ readonly relation: number; readonly name: string } | undefined> {
  const [found] = await database.query<{ relation: number; name: string }>(
    `SELECT c.oid::int8::float8 AS relation, format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND c.oid = ANY (SELECT unnest(relations_before) FROM drydock.undo_runs WHERE id = $2)`,
    [name, run],
  );
  return found;
}

interface DroppedColumn {
  readonly name: string;
  /** As people write it: quoted where it must be. */
  readonly quoted: string;
  readonly number: number;
  readonly notNull: boolean;
  readonly isIdentity: boolean;
  readonly hasDefault: boolean;
}

async function columnsNamed(
  database: Database,
  relation: number,
  parts: readonly AlterPart[],
): Promise<readonly DroppedColumn[]> {
  return database.query<DroppedColumn>(
    `SELECT attname::text AS name, quote_ident(attname) AS quoted, attnum AS number, attnotnull AS "notNull", attidentity <> '' AS "isIdentity",
            atthasdef AND attgenerated = '' AS "hasDefault"
       FROM pg_attribute WHERE attrelid = $1::int8::oid AND attname = ANY ($2) AND attnum > 0 ORDER BY attnum`,
    [relation, parts.map(({ command }) => command.name ?? '')],
  );
}

async function freeName(database: Database, relation: number, name: string): Promise<string> {
  const { taken } = await database.one<{ taken: string[] }>(
    'SELECT ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = $1::int8::oid) AS taken',
    [relation],
  );
  for (let tries = 1; ; tries += 1) {
    const prefix = tries === 1 ? '_trash_' : `_trash${tries}_`;
    const wanted = cutTo(`${prefix}${name}`, mostBytes);
    if (!taken.includes(wanted)) return wanted;
  }
}

function cutTo(text: string, bytes: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > bytes) cut = Array.from(cut).slice(0, -1).join('');
  return cut;
}
