// A database, read whole: every cell as text, schema (modes of triggers and replica identities are part of
// it), sequences, and whether foreign keys are enforced.

import { type Address, quoteIdentifier } from '../../src/postgres/address.ts';
import { connect, type Database } from '../../src/postgres/connect.ts';
import { type SchemaFact, schemaFacts } from '../../src/postgres/fingerprint.ts';

/** Column to value, as text; null is NULL. */
export type Row = Readonly<Record<string, string | null>>;

/** One table, partitions included. */
export interface TablePicture {
  /** Columns of its primary key; none where it has none. */
  readonly key: readonly string[];
  readonly rows: readonly Row[];
}

/** Everything of one moment. */
export interface Picture {
  readonly tables: Readonly<Record<string, TablePicture>>;
  /** Last value of each sequence; null while it was never used. */
  readonly sequences: Readonly<Record<string, string | null>>;
  readonly facts: readonly SchemaFact[];
  /** Of the triggers behind foreign keys. */
  readonly modes: Readonly<Record<string, string>>;
}

const ownTables = `SELECT oid, relname FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`;

/** Reads the schema `public` in one snapshot; sequences have none. */
export async function takePicture(address: Address): Promise<Picture> {
  await using database = await connect(address, { purpose: 'judge' });
  return await database.transaction(
    async () => ({
      tables: await readTables(database),
      sequences: await readLastValues(database),
      facts: await schemaFacts(database),
      modes: await readModes(database),
    }),
    { begin: ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'] },
  );
}

async function readTables(database: Database): Promise<Record<string, TablePicture>> {
  const shapes = await database.query<{ name: string; columns: string[]; key: string[] }>(
    `SELECT t.relname::text AS name,
            ARRAY(SELECT attname::text FROM pg_attribute
                   WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
            ARRAY(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = t.oid
                     AND a.attnum = ANY (i.indkey)
                   WHERE i.indrelid = t.oid AND i.indisprimary ORDER BY a.attnum) AS key
       FROM (${ownTables}) t`,
  );
  const tables: Record<string, TablePicture> = {};
  for (const { name, columns, key } of shapes) {
    const cells = columns.map((column) => `${quoteIdentifier(column)}::text`).join(', ');
    const rows = await database.query<Row>(`SELECT ${cells} FROM ${quoteIdentifier(name)}`);
    tables[name] = { key, rows };
  }
  return tables;
}

async function readLastValues(database: Database): Promise<Record<string, string | null>> {
  const rows = await database.query<{ name: string; last: string | null }>(
    `SELECT sequencename::text AS name, last_value::text AS last
       FROM pg_sequences WHERE schemaname = 'public'`,
  );
  return Object.fromEntries(rows.map(({ name, last }) => [name, last]));
}

// What DISABLE TRIGGER ALL changes and no schema says: whether the foreign keys are enforced.
async function readModes(database: Database): Promise<Record<string, string>> {
  const rows = await database.query<{ name: string; mode: string }>(
    `SELECT format('%s on %s by %s', c.conname, t.relname, g.tgfoid::regproc) AS name,
            concat(g.tgenabled, g.tgdeferrable, g.tginitdeferred) AS mode
       FROM (${ownTables}) t JOIN pg_trigger g ON g.tgrelid = t.oid
       JOIN pg_constraint c ON c.oid = g.tgconstraint WHERE g.tgisinternal`,
  );
  return Object.fromEntries(rows.map(({ name, mode }) => [name, mode]));
}
