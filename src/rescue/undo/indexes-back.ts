// Indexes that the way back makes anew are built beside everybody's work, before the one transaction in which it
// takes the schema back: there, their tables would be closed for as long as that takes.

import { type Context, step, throwIfInterrupted } from '../../core/context.ts';
import { Failure } from '../../core/failure.ts';
import type { Address } from '../../postgres/address.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { type Node, parseSql } from '../../postgres/parser.ts';
import { nameOf } from './alter-parts.ts';
import { tablesTouched } from './schema-order.ts';

/**
 * Runs one statement that cannot be in a transaction, and gives it up when older transactions are in its way for
 * longer than `patienceMs`. Called again after a kill, it goes on.
 */
export type Alone = (
  sql: string,
  how: { readonly patienceMs: number; readonly say: (text: string) => void },
) => Promise<void>;

/** What is taken back, and where. */
export interface IndexesOptions {
  readonly address: Address;
  /** The way back of the schema, as it was proven. */
  readonly wayBack: readonly string[];
  readonly alone: Alone;
}

/** How the way back goes on. */
export interface IndexesBack {
  /** Statements of the way back that are done. */
  readonly built: ReadonlySet<string>;
  /** What has to be run before the others: half an index is in the way of the whole one. */
  readonly first: readonly string[];
}

// A smaller table has its index in a moment, behind its lock.
const leastBytes = 8 * 1_048_576;

// An older transaction may keep a build waiting for as long as it likes: then the index is built in the
// transaction, as all others.
const patienceMs = 30_000;

/**
 * Builds indexes concurrently where nothing else of the way back touches their table. Whatever fails is left to
 * the transaction; killed, the next call goes on.
 */
export async function indexesBack(
  context: Context,
  { address, wayBack, alone }: IndexesOptions,
): Promise<IndexesBack> {
  const built = new Set<string>();
  const first: string[] = [];
  const wanted = await buildable(wayBack);
  if (wanted.length === 0) return { built, first };
  await using database = await connect(address, { purpose: 'undo', signal: context.signal });
  await database.execute("SET search_path = ''");
  for (const index of wanted) {
    if (!(await isLarge(database, index.table))) continue;
    await step(context, `build index ${index.label} beside all other work`, ({ progress }) =>
      build(alone, index, progress),
    );
    throwIfInterrupted(context.signal);
    const state = await stateOf(database, index);
    if (state === 'whole') built.add(index.sql);
    if (state === 'half') first.push(`DROP INDEX ${index.name}`);
  }
  return { built, first };
}

interface Buildable {
  readonly sql: string;
  /** Its name, for people. */
  readonly label: string;
  /** Both with their schema, as SQL. */
  readonly name: string;
  readonly table: string;
}

// Rows that come back later may have to pass a unique index; a function may be another one after the way back.
async function buildable(wayBack: readonly string[]): Promise<readonly Buildable[]> {
  const found: Buildable[] = [];
  const others: string[] = [];
  for (const sql of wayBack) {
    const node = (await parseSql(sql)).statements[0]?.node;
    if (node === undefined || !('IndexStmt' in node)) {
      others.push(sql);
    } else if (node.IndexStmt.unique !== true && !JSON.stringify(node).includes('"FuncCall"')) {
      found.push({ sql, ...namesOf(node.IndexStmt) });
    }
  }
  if (others.some((sql) => sql.startsWith('ALTER SCHEMA '))) return [];
  const touched = new Set(await tablesTouched(others));
  return found.filter(({ name, table }) => !touched.has(table) && !touched.has(name));
}

type IndexStatement = Extract<Node, { IndexStmt: unknown }>['IndexStmt'];

function namesOf({ idxname, relation }: IndexStatement): Omit<Buildable, 'sql'> {
  const { schemaname } = relation ?? {};
  const label = idxname ?? '';
  const index = { relname: label, ...(schemaname === undefined ? {} : { schemaname }) };
  return { label, name: nameOf(index), table: nameOf(relation) };
}

async function isLarge(database: Database, table: string): Promise<boolean> {
  const { large } = await database.one<{ large: boolean | null }>(
    'SELECT pg_table_size(to_regclass($1)) >= $2 AS large',
    [table, leastBytes],
  );
  return large === true;
}

// What the server refuses here, the transaction will do, or say why not.
async function build(alone: Alone, { sql }: Buildable, say: (text: string) => void): Promise<void> {
  const concurrently = sql.replace(/^CREATE INDEX/, 'CREATE INDEX CONCURRENTLY');
  try {
    await alone(concurrently, { patienceMs, say });
  } catch (failure) {
    if (!(failure instanceof Failure) || failure.code === 'postgres/connection-lost') throw failure;
  }
}

async function stateOf(
  database: Database,
  { name, table }: Buildable,
): Promise<'none' | 'half' | 'whole'> {
  const [found] = await database.query<{ whole: boolean }>(
    `SELECT indisvalid AS whole FROM pg_index
      WHERE indexrelid = to_regclass($1) AND indrelid = to_regclass($2)`,
    [name, table],
  );
  if (found === undefined) return 'none';
  return found.whole ? 'whole' : 'half';
}
